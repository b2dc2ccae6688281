/**
 * What tests of this room share: a scope, a desired state as the `underlay` method would ask for it, and a fake node
 * whose every write is recorded in one sequence.
 */

import {
  familyOf,
  hostPrefix,
  type IpAddress,
  type IpFamily,
  type MacAddress,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
} from '../base/address.ts';
import type { Stanza } from '../frr/types.ts';
import { macTweakFlows } from '../openvswitch/flows.ts';
import { ADVERTISE_METRIC } from './advertise-metrics.ts';
import { FakeNode } from './fake-node.ts';
import type { FakeRtnetlinkOptions } from './fake-rtnetlink.ts';
import { keyOf } from './keys.ts';
import {
  type DesiredObject,
  MAIN_TABLE,
  type NodeObject,
  type NodeScope,
  type ObjectKey,
} from './objects.ts';

export const SCOPE: NodeScope = {
  bgpNic: 'bgp-nic',
  bgpVrf: 'bgp-vrf',
  bgpVrfTable: 10,
  bgpAs: 64999,
  advertiseMetrics: [ADVERTISE_METRIC],
  bridges: ['br-ex', 'br-data'],
  tables: new Set([200, 201]),
  // Nodes of these tests may have been the predecessor's.
  adopted: {
    tables: new Set([200, 201]),
    devices: new Set(['br-ex', 'br-data', 'br-ex.100', 'br-ex.101', 'br-data.100', 'br-data.101']),
    vrf: true,
  },
};
const TABLES: ReadonlyMap<string, number> = new Map([
  ['br-ex', 200],
  ['br-data', 201],
]);
const PATCH_PORT = {
  name: 'patch-provnet-1-to-br-int',
  type: 'patch',
  tag: undefined,
  ofport: 1,
  externalIds: new Map(),
};

export interface TestExposure {
  readonly address: IpAddress;
  readonly mac?: MacAddress;
  readonly bridge: string;
  readonly vlan?: number;
  /** Addresses that the node answers neighbour solicitations for. */
  readonly proxyNdp?: readonly IpAddress[];
}

export interface WantOptions {
  readonly advertiseVia?: 'vrf' | 'main';
  readonly vlanBy?: 'kernel' | 'ovs';
  readonly vrfTable?: number;
  readonly bridges?: readonly string[];
}

export const LEAK: Stanza = {
  id: 'leak',
  lines: [
    { context: ['router bgp 64999', 'address-family ipv4 unicast'], line: 'import vrf bgp-vrf' },
    {
      context: ['router bgp 64999 vrf bgp-vrf', 'address-family ipv4 unicast'],
      line: 'redistribute connected',
    },
  ],
};

export function ip(text: string): IpAddress {
  return must(parseIp(text), text);
}

export function prefix(text: string): Prefix {
  return must(parsePrefix(text), text);
}

export function mac(text: string): MacAddress {
  return must(parseMac(text), text);
}

export function desiredMap(items: Iterable<DesiredObject>): Map<ObjectKey, DesiredObject> {
  return new Map([...items].map((item) => [keyOf(item.object), item]));
}

/** Everything that the underlay method wants for these exposures, with its real requirements. */
export function want(
  exposures: readonly TestExposure[],
  options: WantOptions = {},
): Map<ObjectKey, DesiredObject> {
  const wanted = new Map<ObjectKey, DesiredObject>();
  const add = (
    object: NodeObject,
    requires: readonly ObjectKey[] = [],
    role: DesiredObject['role'] = 'wire',
  ) => {
    const key = keyOf(object);
    wanted.set(key, { object, requires, role, because: 'a test' });
    return key;
  };
  const via = options.advertiseVia ?? 'vrf';
  const base: ObjectKey[] = [];
  if (via === 'vrf') {
    const vrf = add({
      kind: 'link',
      name: SCOPE.bgpVrf,
      link: { type: 'vrf', table: options.vrfTable ?? SCOPE.bgpVrfTable },
      up: true,
    });
    base.push(
      add({ kind: 'link', name: SCOPE.bgpNic, link: { type: 'dummy', master: SCOPE.bgpVrf }, up: true }, [
        vrf,
      ]),
      add({ kind: 'frr', stanza: LEAK }),
    );
  }
  const bridges = options.bridges ?? SCOPE.bridges;
  const used = new Set<string>(bridges.map((bridge) => `${bridge} `));
  for (const { bridge, vlan } of exposures) used.add(`${bridge} ${vlan ?? ''}`);
  for (const place of used) {
    const [bridge = '', vlan = ''] = place.split(' ');
    addDevice(add, bridge, vlan === '' ? undefined : Number(vlan), options);
  }
  for (const exposure of exposures) addExposure(add, exposure, base, via);
  return wanted;
}

type Add = (object: NodeObject, requires?: readonly ObjectKey[], role?: DesiredObject['role']) => ObjectKey;

export function deviceName(bridge: string, vlan?: number): string {
  return vlan === undefined ? bridge : `${bridge.slice(0, 10)}.${vlan}`;
}

function linkKey(name: string): ObjectKey {
  return `link ${name}`;
}

function bridgeMac(bridge: string): MacAddress {
  return mac(bridge === 'br-ex' ? '02:ee:00:00:00:01' : '02:ee:00:00:00:02');
}

function addDevice(
  add: Add,
  bridge: string,
  vlan: number | undefined,
  { vlanBy = 'kernel' }: WantOptions,
): void {
  const name = deviceName(bridge, vlan);
  const existing: NodeObject = { kind: 'link', name, link: { type: 'existing' }, up: true };
  let link: ObjectKey;
  if (vlan === undefined) link = add(existing);
  else if (vlanBy === 'kernel') {
    const made = { type: 'vlan', parent: bridge, id: vlan } as const;
    link = add({ kind: 'link', name, link: made, up: true }, [linkKey(bridge)]);
  } else {
    const port = add({ kind: 'ovs-port', bridge, name, tag: vlan, mac: bridgeMac(bridge) });
    link = add(existing, [port, linkKey(bridge)]);
  }
  add({ kind: 'sysctl', path: `net/ipv4/conf/${name}/proxy_arp`, value: '1' }, [link]);
  add({ kind: 'sysctl', path: `net/ipv6/conf/${name}/proxy_ndp`, value: '1' }, [link]);
  const index = bridge === 'br-ex' ? 1 : 2;
  const last = (vlan ?? index) % 256;
  add({ kind: 'address', device: name, prefix: prefix(`169.254.${index}.${last}/32`) }, [link]);
  add(
    {
      kind: 'address',
      device: name,
      prefix: prefix(`fd53:d91e:400:7f17::${index}:${last.toString(16)}/128`),
    },
    [link],
  );
  if (vlan !== undefined) return;
  const table = TABLES.get(bridge) ?? 0;
  add({ kind: 'rt-table', number: table, name: bridge });
  for (const flow of macTweakFlows(1, bridgeMac(bridge))) add({ kind: 'flow', bridge, flow });
  for (const [family, destination] of [
    [4, '0.0.0.0/0'],
    [6, '::/0'],
  ] as const) {
    add(deviceRoute(family, table, prefix(destination), name), [link]);
  }
}

function addExposure(
  add: Add,
  exposure: TestExposure,
  base: readonly ObjectKey[],
  via: 'vrf' | 'main',
): void {
  const { address, bridge, vlan } = exposure;
  const table = TABLES.get(bridge) ?? 0;
  const device = deviceName(bridge, vlan);
  const family = familyOf(address);
  const host = hostPrefix(address);
  const link = linkKey(device);
  const needed = [
    ...base,
    link,
    add({ kind: 'rule', to: host, table }),
    add(deviceRoute(family, table, host, device), [link]),
    ...macTweakFlows(1, bridgeMac(bridge)).map((flow) => keyOf({ kind: 'flow', bridge, flow })),
  ];
  if (exposure.mac !== undefined) {
    needed.push(add({ kind: 'neighbor', device, address, mac: exposure.mac }, [link]));
  }
  for (const proxied of exposure.proxyNdp ?? []) {
    needed.push(add({ kind: 'proxy-ndp', device, address: proxied }, [link]));
  }
  const advertised: NodeObject =
    via === 'vrf'
      ? { kind: 'address', device: SCOPE.bgpNic, prefix: host }
      : {
          kind: 'route',
          family,
          table: MAIN_TABLE,
          destination: host,
          target: { type: 'blackhole' },
          metric: ADVERTISE_METRIC,
        };
  add(advertised, needed, 'advertise');
}

export function deviceRoute(
  family: IpFamily,
  table: number,
  destination: Prefix,
  device: string,
): NodeObject {
  return { kind: 'route', family, table, destination, target: { type: 'device', device }, metric: 0 };
}

/** A node as an operator hands it over: two provider bridges with a patch port each, down, nothing of ours. */
export async function operatorNode(options: FakeRtnetlinkOptions = {}): Promise<FakeNode> {
  const node = new FakeNode(options);
  for (const bridge of SCOPE.bridges) {
    node.netlink.addLink({ name: bridge, kind: 'openvswitch', mac: bridgeMac(bridge) });
    node.ovs.setBridge(bridge, [PATCH_PORT]);
  }
  await settled();
  return node;
}

/** Lets everything that is queued for this turn of the event loop be delivered. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function must<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new TypeError(`not valid in a test: ${text}`);
  return value;
}
