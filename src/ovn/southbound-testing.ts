/**
 * Routers, floating IPs and load balancers for Southbound clouds of tests, as ovn-northd writes them.
 *
 * UUIDs are readable, as in `testing.ts`: `router R`, `port NAME`, `lb NAME`, `group NAME`.
 */
import type { ChangeSet } from '../ovsdb/types.ts';
import type { SouthboundDatabase } from './southbound-schema.ts';
import type { SouthboundCloud } from './testing.ts';
import type { Candidate, CandidateKey, CandidateKind, Topology } from './topology.ts';

export interface SouthboundTestRouterPort {
  readonly router: string;
  /** Of the router's side. */
  readonly name: string;
  /** `MAC address/length...`. */
  readonly addresses: string;
  /** Switch at its other end and the port there; absent: nothing there. */
  readonly network?: string;
  readonly switchPort?: string;
  /** Present: a distributed gateway port, active on that chassis or on none (''); its redirect port is `cr-NAME`. */
  readonly gatewayOn?: string;
  /** Present: the router is pinned to that chassis. */
  readonly pinnedTo?: string;
  readonly natAddresses?: readonly string[];
  /** `external_ids` of the router's side (and of the redirect port), and of the switch's. */
  readonly ids?: Readonly<Record<string, string>>;
  readonly switchIds?: Readonly<Record<string, string>>;
}

type Change = ChangeSet<SouthboundDatabase>;

export function addRouter({ db }: SouthboundCloud, name: string): Change {
  const ids = new Map([
    ['name', name],
    ['logical-router', `nb ${name}`],
  ]);
  return db.insert('Datapath_Binding', { external_ids: ids }, `router ${name}`);
}

export function addRouterPort({ db }: SouthboundCloud, port: SouthboundTestRouterPort): Change {
  const { name, switchPort = `to-${name}`, gatewayOn, pinnedTo } = port;
  const pinned = pinnedTo !== undefined;
  const type = pinned ? 'l3gateway' : 'patch';
  const chassis = pinned ? `chassis ${pinnedTo}` : undefined;
  const common = { datapath: `router ${port.router}`, mac: [port.addresses], external_ids: mapOf(port.ids) };
  return db.transact((tx) => {
    const options = mapOf({
      ...(port.network === undefined ? {} : { peer: switchPort }),
      ...(gatewayOn === undefined ? {} : { 'chassis-redirect-port': `cr-${name}` }),
      ...(pinned ? { 'l3gateway-chassis': pinnedTo } : {}),
    });
    tx.insert('Port_Binding', { ...common, logical_port: name, type, chassis, options }, `port ${name}`);
    if (gatewayOn !== undefined) {
      const values = {
        ...common,
        logical_port: `cr-${name}`,
        type: 'chassisredirect',
        chassis: gatewayOn === '' ? undefined : `chassis ${gatewayOn}`,
        up: gatewayOn !== '',
        options: mapOf({ 'distributed-port': name }),
      };
      tx.insert('Port_Binding', values, `port cr-${name}`);
    }
    if (port.network === undefined) return;
    const values = {
      logical_port: switchPort,
      type,
      chassis,
      mac: ['router'],
      datapath: `switch ${port.network}`,
      nat_addresses: port.natAddresses ?? [],
      options: mapOf({ peer: name }),
      external_ids: mapOf(port.switchIds),
    };
    tx.insert('Port_Binding', values, `port ${switchPort}`);
  });
}

/** The port that reserves a VIP. */
export function addVipPort(
  { db }: SouthboundCloud,
  port: {
    readonly name: string;
    readonly network: string;
    readonly cidrs: string;
    readonly loadBalancer?: string;
  },
): Change {
  const ids = {
    'neutron:cidrs': port.cidrs,
    ...(port.loadBalancer === undefined ? {} : { 'neutron:port_name': `ovn-lb-vip-${port.loadBalancer}` }),
  };
  const values = { logical_port: port.name, datapath: `switch ${port.network}`, external_ids: mapOf(ids) };
  return db.insert('Port_Binding', { ...values, up: false }, `port ${port.name}`);
}

export function mapOf(entries: Readonly<Record<string, string>> | undefined): ReadonlyMap<string, string> {
  return new Map(Object.entries(entries ?? {}));
}

/** The candidate of that kind that stands for a row. */
export function candidateOf<K extends CandidateKind>(
  topology: Topology,
  kind: K,
  uuid: string,
): Extract<Candidate, { kind: K }> | undefined {
  const candidate = topology.resolve(`${kind}:${uuid}`);
  return candidate?.kind === kind ? (candidate as Extract<Candidate, { kind: K }>) : undefined;
}

/** Asks for every candidate, as a planner does after a snapshot. */
export function resolveAll(topology: Topology): CandidateKey[] {
  return [...topology.candidates()].filter((key) => topology.resolve(key) !== undefined).sort();
}
