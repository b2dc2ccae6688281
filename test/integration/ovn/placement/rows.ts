/**
 * A random cloud as operations on a Northbound database (RFC 7047), in place of whatever was there before, and the
 * bindings that ovn-controllers would make of it.
 */
import type { Cloud, CloudLoadBalancer, CloudNat, CloudPort, CloudRouter, CloudRouterPort } from './cloud.ts';

export type Operation = Readonly<Record<string, unknown>>;

/** Tables whose rows stand for themselves; all others go with these. What others refer to must not go before these. */
const ROOTS = [
  ['Logical_Switch', 'Logical_Router', 'Load_Balancer', 'Load_Balancer_Group'],
  ['Address_Set', 'HA_Chassis_Group'],
];

const map = (values: Readonly<Record<string, string>>) => ['map', Object.entries(values)];
const id = (name: string): string => `u_${name.replaceAll(/[^a-zA-Z0-9]/g, '_')}`;
const named = (names: readonly string[]) => ['set', names.map((name) => ['named-uuid', id(name)])];
const insert = (table: string, name: string, row: Operation): Operation => ({
  op: 'insert',
  table,
  row,
  'uuid-name': id(name),
});

/** Transactions that leave nothing behind. */
export const CLEARING: readonly (readonly Operation[])[] = ROOTS.map((tables) =>
  tables.map((table) => ({ op: 'delete', table, where: [] })),
);

export function northboundOperations(cloud: Cloud): readonly Operation[] {
  const operations: Operation[] = [];
  operations.push(insert('Address_Set', 'allowed', { name: 'allowed', addresses: '192.0.2.1' }));
  operations.push(insert('Address_Set', 'exempted', { name: 'exempted', addresses: '192.0.2.2' }));
  for (const port of cloud.ports) operations.push(portOperation(port));
  for (const router of cloud.routers) operations.push(...routerOperations(router));
  for (const network of cloud.networks) {
    const attached = cloud.routers
      .flatMap(({ ports }) => ports)
      .filter((port) => port.network === network.name);
    const own = cloud.ports.filter((port) => port.network === network.name).map(({ name }) => name);
    if (network.physical !== undefined) {
      operations.push(
        insert('Logical_Switch_Port', `ln-${network.name}`, {
          name: `ln-${network.name}`,
          type: 'localnet',
          addresses: 'unknown',
          options: map({ network_name: network.physical }),
          ...(network.tag === undefined ? {} : { tag: network.tag }),
        }),
      );
      own.push(`ln-${network.name}`);
    }
    if (network.second !== undefined) {
      // By its name it comes before the one that counts.
      const name = `a-ln-${network.name}`;
      const options = map({ network_name: network.second });
      operations.push(
        insert('Logical_Switch_Port', name, { name, type: 'localnet', addresses: 'unknown', options }),
      );
      own.push(name);
    }
    const switched = cloud.routers.flatMap(({ ports, loadBalancers }) =>
      loadBalancers.filter(
        ({ by }, index) =>
          (by === 'switch' || by === 'both') &&
          index === 0 &&
          ports.some((port) => port.network === network.name && port.gateway === 'none'),
      ),
    );
    operations.push(
      insert('Logical_Switch', network.name, {
        name: network.name,
        ports: named([...own, ...attached.map(({ name }) => `side-${name}`)]),
        load_balancer: named(switched.map(({ name }) => name)),
      }),
    );
  }
  return operations;
}

function portOperation(port: CloudPort): Operation {
  const virtual = { 'virtual-ip': port.addresses[0] ?? '', 'virtual-parents': 'nobody' };
  return insert('Logical_Switch_Port', port.name, {
    name: port.name,
    type: port.type,
    addresses: [port.mac, ...port.addresses].join(' '),
    enabled: port.enabled,
    ...(port.type === 'virtual' ? { options: map(virtual) } : {}),
    ...(port.parent === undefined ? {} : { parent_name: port.parent, tag: 30 }),
  });
}

function routerOperations(router: CloudRouter): readonly Operation[] {
  const routed = router.loadBalancers.filter(({ by }) => by === 'router' || by === 'both');
  const grouped = router.loadBalancers.filter(({ by }) => by === 'group');
  const nats = router.nats.map((nat, n) => natOperation(nat, `${router.name}-nat-${n}`));
  return [
    ...router.ports.flatMap(routerPortOperations),
    ...nats,
    ...router.loadBalancers.map(loadBalancerOperation),
    ...(grouped.length === 0
      ? []
      : [
          insert('Load_Balancer_Group', `group-${router.name}`, {
            name: `group-${router.name}`,
            load_balancer: named(grouped.map(({ name }) => name)),
          }),
        ]),
    insert('Logical_Router', router.name, {
      name: router.name,
      enabled: router.enabled,
      ports: named(router.ports.map(({ name }) => name)),
      nat: named(router.nats.map((_, n) => `${router.name}-nat-${n}`)),
      load_balancer: named(routed.map(({ name }) => name)),
      load_balancer_group: named(grouped.length === 0 ? [] : [`group-${router.name}`]),
      options: map(router.pinnedTo === undefined ? {} : { chassis: router.pinnedTo }),
    }),
  ];
}

function routerPortOperations(port: CloudRouterPort): readonly Operation[] {
  const side = { 'router-port': port.name, ...(port.natAddresses ? { 'nat-addresses': 'router' } : {}) };
  const members = port.chassis === undefined ? ['C1'] : [port.chassis];
  return [
    ...(port.gateway === 'gateway-chassis'
      ? members.map((chassis_name) =>
          insert('Gateway_Chassis', `gc-${port.name}`, {
            name: `gc-${port.name}`,
            chassis_name,
            priority: 1,
          }),
        )
      : []),
    ...(port.gateway === 'ha-group'
      ? [
          insert('HA_Chassis', `hc-${port.name}`, { chassis_name: members[0], priority: 1 }),
          insert('HA_Chassis_Group', `hg-${port.name}`, {
            name: `hg-${port.name}`,
            ha_chassis: named([`hc-${port.name}`]),
          }),
        ]
      : []),
    insert('Logical_Router_Port', port.name, {
      name: port.name,
      mac: port.mac,
      networks: ['set', port.networks],
      enabled: port.enabled,
      options: map(port.options),
      ...(port.gateway === 'gateway-chassis' ? { gateway_chassis: named([`gc-${port.name}`]) } : {}),
      ...(port.gateway === 'ha-group' ? { ha_chassis_group: ['named-uuid', id(`hg-${port.name}`)] } : {}),
    }),
    insert('Logical_Switch_Port', `side-${port.name}`, {
      name: `side-${port.name}`,
      type: 'router',
      addresses: 'router',
      enabled: port.sideEnabled,
      options: map(side),
    }),
  ];
}

function natOperation(nat: CloudNat, name: string): Operation {
  return insert('NAT', name, {
    type: nat.type,
    external_ip: nat.external,
    logical_ip: nat.logical,
    ...(nat.port === undefined ? {} : { logical_port: nat.port }),
    ...(nat.mac === undefined ? {} : { external_mac: nat.mac }),
    ...(nat.gatewayPort === undefined ? {} : { gateway_port: ['named-uuid', id(nat.gatewayPort)] }),
    ...(nat.sets === 'none' ? {} : { allowed_ext_ips: ['named-uuid', id('allowed')] }),
    ...(nat.sets === 'both' ? { exempted_ext_ips: ['named-uuid', id('exempted')] } : {}),
    ...(nat.stateless ? { options: map({ stateless: 'true' }) } : {}),
  });
}

function loadBalancerOperation(lb: CloudLoadBalancer): Operation {
  return insert('Load_Balancer', lb.name, {
    name: lb.name,
    vips: map(lb.vips),
    protocol: lb.protocol,
    options: map(lb.options),
  });
}

/** Chassis of each binding by its name; a router that is bound to one chassis has both sides of its ports there. */
export function bindingsOf(
  cloud: Cloud,
): ReadonlyMap<string, { readonly chassis: string; readonly up: boolean }> {
  const bindings = new Map<string, { chassis: string; up: boolean }>();
  for (const { name, chassis, up } of cloud.ports)
    if (chassis !== undefined) bindings.set(name, { chassis, up });
  for (const { pinnedTo, ports } of cloud.routers) {
    for (const { name, gateway, chassis } of ports) {
      if (pinnedTo !== undefined) {
        for (const side of [name, `side-${name}`]) bindings.set(side, { chassis: pinnedTo, up: true });
      } else if (gateway !== 'none' && chassis !== undefined) {
        bindings.set(`cr-${name}`, { chassis, up: true });
      }
    }
  }
  return bindings;
}
