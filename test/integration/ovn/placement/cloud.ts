/**
 * Random clouds of plain OVN for the test of placement: provider networks on several physical networks and VLANs, tenant
 * networks, routers of every kind, translations, load balancers, and whatever can be switched off.
 *
 * In: a seed. Out: a cloud as plain data, the same for the same seed. Names are short and tell what they are; a printed
 * cloud is a reproduction.
 */

/** Nodes; each maps `phys0` to `br0` and `phys1` to `br1`, none maps `phys2`. */
export const CHASSIS = ['C1', 'C2', 'C3'] as const;
export const MAPPINGS = 'phys0:br0,phys1:br1';

export interface CloudNetwork {
  readonly name: string;
  readonly number: number;
  /** Absent: a tenant network, or the transit switch of an interconnection. */
  readonly physical?: string;
  /** Physical network of a second localnet port, with which nodes of other mappings reach the network. */
  readonly second?: string;
  readonly tag?: number;
}

export interface CloudPort {
  readonly name: string;
  readonly network: string;
  readonly type: '' | 'virtual' | 'external' | 'localport';
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly enabled: boolean;
  /** Inside another port, with a tag (ovn-nb(5) parent_name). */
  readonly parent?: string;
  /** Where ovn-controller bound it. */
  readonly chassis: string | undefined;
  readonly up: boolean;
}

export interface CloudRouterPort {
  readonly name: string;
  readonly network: string;
  readonly mac: string;
  readonly networks: readonly string[];
  readonly gateway: 'none' | 'gateway-chassis' | 'ha-group';
  readonly enabled: boolean;
  /** The switch's port at its other end. */
  readonly sideEnabled: boolean;
  readonly natAddresses: boolean;
  /** Further options of the router port (ovn-nb(5)). */
  readonly options: Readonly<Record<string, string>>;
  /** Where the chassisredirect port is bound. */
  readonly chassis: string | undefined;
}

export interface CloudNat {
  readonly type: 'dnat_and_snat' | 'snat' | 'dnat';
  readonly external: string;
  readonly logical: string;
  readonly port?: string;
  readonly mac?: string;
  /** Name of a router port, of this router or another one. */
  readonly gatewayPort?: string;
  readonly sets: 'none' | 'allowed' | 'both';
  readonly stateless: boolean;
}

export interface CloudLoadBalancer {
  readonly name: string;
  readonly vips: Readonly<Record<string, string>>;
  readonly protocol: 'tcp' | 'udp';
  readonly options: Readonly<Record<string, string>>;
  readonly by: 'router' | 'group' | 'switch' | 'both';
}

export interface CloudRouter {
  readonly name: string;
  readonly enabled: boolean;
  /** A gateway router is bound to this chassis as a whole. */
  readonly pinnedTo: string | undefined;
  readonly ports: readonly CloudRouterPort[];
  readonly nats: readonly CloudNat[];
  readonly loadBalancers: readonly CloudLoadBalancer[];
}

export interface Cloud {
  readonly seed: number;
  readonly networks: readonly CloudNetwork[];
  readonly ports: readonly CloudPort[];
  readonly routers: readonly CloudRouter[];
}

/** mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  /** From 0 to `limit - 1`. */
  number(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.number(values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  maybe<T>(share: number, value: () => T): T | undefined {
    return this.chance(share) ? value() : undefined;
  }
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');
const v4 = (network: CloudNetwork, host: number): string =>
  network.physical === undefined ? `10.${network.number}.0.${host}` : `50.0.${network.number}.${host}`;
const v6 = (network: CloudNetwork, host: number): string =>
  network.physical === undefined ? `fd00:${network.number}::${host}` : `2001:db8:${network.number}::${host}`;

export function randomCloud(seed: number): Cloud {
  const dice = new Dice(seed);
  const outside = Array.from({ length: 1 + dice.number(3) }, (_, number): CloudNetwork => {
    const tag = dice.maybe(0.4, () => 100 + number);
    // Flat networks of one physical network are one wire: each has a physical network of its own, as far as they go.
    const physical = tag === undefined ? `phys${number}` : dice.pick(['phys0', 'phys1']);
    const second = dice.maybe(0.15, () => `unmapped${number}`);
    return {
      name: `ext${number}`,
      number,
      physical,
      ...(tag === undefined ? {} : { tag }),
      ...(second === undefined ? {} : { second }),
    };
  });
  const inside = Array.from({ length: 1 + dice.number(3) }, (_, index): CloudNetwork => {
    const number = 10 + index;
    return { name: `ten${number}`, number };
  });
  const transit: CloudNetwork[] = dice.chance(0.25) ? [{ name: 'ts', number: 99 }] : [];
  const networks = [...outside, ...inside, ...transit];
  const ports = [...outside, ...inside].flatMap((network) => portsOf(network, dice));
  const routers = Array.from({ length: 1 + dice.number(3) }, (_, number) =>
    bareRouter(number, { outside, inside, transit }, dice),
  );
  const names = routers.flatMap((router) => router.ports.map(({ name }) => name));
  return {
    seed,
    networks,
    ports,
    routers: routers.map((router) => ({
      ...router,
      nats: Array.from({ length: dice.number(6) }, (_, n) =>
        natOf(router, n, { outside, inside, ports, names }, dice),
      ),
      loadBalancers: Array.from({ length: dice.number(3) }, (_, n) =>
        loadBalancerOf(router, n, { outside, inside }, dice),
      ),
    })),
  };
}

function portsOf(network: CloudNetwork, dice: Dice): readonly CloudPort[] {
  const ports: CloudPort[] = [];
  const count = 1 + dice.number(4);
  for (let n = 0; n < count; n++) {
    const host = 10 + n;
    const parent = n > 0 && dice.chance(0.15) ? ports[0]?.name : undefined;
    const type =
      parent === undefined ? dice.pick(['', '', '', '', 'virtual', 'external', 'localport'] as const) : '';
    ports.push({
      name: `vm-${network.name}-${n}`,
      network: network.name,
      type,
      mac: `fa:16:3e:00:${hex(network.number)}:${hex(host)}`,
      addresses: [v4(network, host), ...(dice.chance(0.4) ? [v6(network, host)] : [])],
      enabled: !dice.chance(0.1),
      ...(parent === undefined ? {} : { parent }),
      chassis: type === 'localport' ? undefined : dice.maybe(0.9, () => dice.pick(CHASSIS)),
      up: !dice.chance(0.1),
    });
  }
  return ports;
}

type Networks = Readonly<Record<'outside' | 'inside' | 'transit', readonly CloudNetwork[]>>;

function bareRouter(number: number, { outside, inside, transit }: Networks, dice: Dice): CloudRouter {
  const name = `r${number}`;
  const pinned = dice.chance(0.25);
  const host = 200 + number;
  const ports: CloudRouterPort[] = [];
  const attach = (network: CloudNetwork, gateway: CloudRouterPort['gateway']): void => {
    const six = dice.chance(0.5);
    const wide = dice.chance(0.1) && network.physical !== undefined;
    const options: Record<string, string> = {};
    if (gateway !== 'none' && dice.chance(0.15)) options['redirect-type'] = 'bridged';
    if (gateway === 'none' && dice.chance(0.15)) options['reside-on-redirect-chassis'] = 'true';
    ports.push({
      name: `${name}-${network.name}`,
      network: network.name,
      mac: `fa:16:3e:${hex(16 + number)}:${hex(network.number)}:01`,
      // A wide network has the addresses of the others, too.
      networks: [`${v4(network, host)}/${wide ? 16 : 24}`, ...(six ? [`${v6(network, host)}/64`] : [])],
      gateway,
      enabled: !dice.chance(0.07),
      sideEnabled: !dice.chance(0.05),
      natAddresses: !dice.chance(0.1),
      options,
      chassis: dice.maybe(0.9, () => dice.pick(CHASSIS)),
    });
  };
  const gateways = dice.chance(0.1) ? 0 : dice.chance(0.35) ? 2 : 1;
  const [...order] = shuffled(outside, dice);
  for (const network of order.slice(0, gateways))
    attach(network, pinned ? 'none' : dice.pick(['gateway-chassis', 'ha-group']));
  // Neither inside nor a way out: the router routes between it and its other networks on every node.
  for (const network of order.slice(gateways)) if (!pinned && dice.chance(0.1)) attach(network, 'none');
  for (const network of transit) if (dice.chance(0.5)) attach(network, pinned ? 'none' : 'gateway-chassis');
  for (const network of inside) if (dice.chance(0.6)) attach(network, 'none');
  return {
    name,
    enabled: !dice.chance(0.1),
    pinnedTo: pinned ? dice.pick([...CHASSIS, 'C9']) : undefined,
    ports,
    nats: [],
    loadBalancers: [],
  };
}

function shuffled<T>(values: readonly T[], dice: Dice): readonly T[] {
  const left = [...values];
  return values.flatMap(() => left.splice(dice.number(left.length), 1));
}

interface Surroundings {
  readonly outside: readonly CloudNetwork[];
  readonly inside: readonly CloudNetwork[];
}

function natOf(
  router: CloudRouter,
  n: number,
  {
    outside,
    inside,
    ports,
    names,
  }: Surroundings & { readonly ports: readonly CloudPort[]; readonly names: readonly string[] },
  dice: Dice,
): CloudNat {
  const type = dice.pick(['dnat_and_snat', 'dnat_and_snat', 'dnat_and_snat', 'snat', 'dnat'] as const);
  const six = dice.chance(0.25);
  const own = router.ports.filter((port) => outside.some(({ name }) => name === port.network));
  const host = 100 + 10 * Number(router.name.slice(1)) + n;
  const external = dice.chance(0.08)
    ? six
      ? `2001:db8:ff::${host}`
      : `9.9.9.${host}`
    : type === 'snat' && own.length > 0 && dice.chance(0.4)
      ? ((dice.pick(own).networks[six ? 1 : 0] ?? dice.pick(own).networks[0] ?? '').split('/')[0] ?? '')
      : (six ? v6 : v4)(dice.pick(outside), host);
  const vm = dice.pick(ports.filter(({ network }) => inside.some(({ name }) => name === network)));
  const distributed = type === 'dnat_and_snat' && dice.chance(0.5);
  const family = external.includes(':') ? 6 : 4;
  const logical = family === 6 ? `fd00:10::${10 + n}` : (vm.addresses[0] ?? '');
  const network =
    type === 'snat' ? (family === 6 ? 'fd00:10::/64' : logical.replace(/\d+$/, '0/24')) : logical;
  return {
    type,
    external,
    logical: network,
    ...(distributed
      ? {
          port: dice.chance(0.06) ? 'nobody' : vm.name,
          mac:
            router.pinnedTo === undefined && dice.chance(0.06)
              ? 'nonsense'
              : `fa:16:3e:ff:${router.name.slice(1).padStart(2, '0')}:${hex(n)}`,
        }
      : dice.chance(0.2)
        ? { port: vm.name }
        : {}),
    ...(dice.chance(0.15) && names.length > 0
      ? { gatewayPort: dice.chance(0.7) && own.length > 0 ? dice.pick(own).name : dice.pick(names) }
      : {}),
    sets: dice.chance(0.06) ? 'both' : dice.chance(0.06) ? 'allowed' : 'none',
    stateless: type === 'dnat_and_snat' && dice.chance(0.1),
  };
}

function loadBalancerOf(
  router: CloudRouter,
  n: number,
  { outside, inside }: Surroundings,
  dice: Dice,
): CloudLoadBalancer {
  const vips: Record<string, string> = {};
  // No two load balancers of a cloud have an address in common.
  const host = 150 + 10 * Number(router.name.slice(1)) + 3 * n;
  const count = 1 + dice.number(2);
  for (let index = 0; index < count; index++) {
    const attached = inside.filter(({ name }) => router.ports.some((port) => port.network === name));
    const network = dice.chance(0.75) || attached.length === 0 ? dice.pick(outside) : dice.pick(attached);
    const wide = router.ports.some((port) => port.network === network.name && port.networks.length > 1);
    const six = (network.physical !== undefined || wide) && dice.chance(0.25);
    const address = dice.chance(0.1)
      ? six
        ? '2001:db8:fe::7'
        : '9.9.8.7'
      : (six ? v6 : v4)(network, host + index);
    const members = dice.chance(0.2) ? '' : six ? '[fd00:10::10]:8080' : '10.10.0.10:8080,10.10.0.11:8080';
    vips[six ? `[${address}]:80` : `${address}:80`] = members;
    if (dice.chance(0.2))
      vips[six ? `[${address}]:443` : `${address}:443`] = six ? '[fd00:10::10]:443' : '10.10.0.10:443';
  }
  return {
    name: `lb-${router.name}-${n}`,
    vips,
    protocol: dice.pick(['tcp', 'udp']),
    options: {
      ...(dice.chance(0.3) ? { reject: 'true' } : {}),
      ...(dice.chance(0.1) ? { add_route: 'true' } : {}),
      ...(dice.chance(0.1) ? { neighbor_responder: 'all' } : {}),
      ...(dice.chance(0.1) ? { skip_snat: 'true' } : {}),
    },
    by: dice.pick(['router', 'router', 'both', 'group', 'switch']),
  };
}
