/**
 * Addresses that the Python agent exposes on the captured nodes and this version does not yet, one by one.
 *
 * What they put on a node is subtracted from the capture, line by line; a line that is not there, or that the agent
 * wants after all, fails the tests. So an entry here must go when its kind of address is implemented.
 */
import { familyOf, hostPrefix, type IpAddress, parseIp, parseMac } from '../../../src/base/address.ts';
import type { NodeObject } from '../../../src/node/objects.ts';
import { BGP_NIC, BRIDGE, linesOf, TABLE } from './captured-objects.ts';
import type { NodeName, Scenario } from './captures.ts';

export interface NotYetExposed {
  readonly node: NodeName;
  readonly what: 'floating IP' | 'router gateway';
  readonly address: string;
  /** Present where the Python agent's driver writes a permanent neighbour. */
  readonly mac?: string;
  readonly proxyNdp?: string;
}

const ROUTER = 'fa:16:3e:00:00:f0';
const GATEWAY: readonly NotYetExposed[] = [
  { node: 'gw1', what: 'router gateway', address: '172.24.4.50', mac: ROUTER },
  { node: 'gw1', what: 'router gateway', address: '2001:db8:4::50', mac: ROUTER, proxyNdp: '2001:db8:4::' },
];

export const NOT_YET_EXPOSED: Readonly<Record<Scenario, readonly NotYetExposed[]>> = {
  'nb-underlay': [
    { node: 'compute2', what: 'floating IP', address: '172.24.4.120', mac: 'fa:16:3e:00:00:e2' },
    ...GATEWAY,
  ],
  'sb-provider-fip': [{ node: 'compute2', what: 'floating IP', address: '172.24.4.120' }, ...GATEWAY],
};

export function notYetExposed(scenario: Scenario, node: NodeName): readonly NotYetExposed[] {
  return NOT_YET_EXPOSED[scenario].filter((entry) => entry.node === node);
}

/** Lines of what makes the address known to FRR. */
export function advertisedLines({ address }: NotYetExposed): string[] {
  return linesOf([{ kind: 'address', device: BGP_NIC, prefix: hostPrefix(ip(address)) }]);
}

/** Lines of what carries its traffic. */
export function wireLines({ address, mac, proxyNdp }: NotYetExposed): string[] {
  const parsed = ip(address);
  const prefix = hostPrefix(parsed);
  const objects: NodeObject[] = [
    { kind: 'rule', to: prefix, table: TABLE },
    {
      kind: 'route',
      family: familyOf(prefix),
      table: TABLE,
      destination: prefix,
      target: { type: 'device', device: BRIDGE },
      metric: 0,
    },
  ];
  const parsedMac = mac === undefined ? undefined : parseMac(mac);
  if (parsedMac !== undefined) {
    objects.push({ kind: 'neighbor', device: BRIDGE, address: parsed, mac: parsedMac });
  }
  if (proxyNdp !== undefined) objects.push({ kind: 'proxy-ndp', device: BRIDGE, address: ip(proxyNdp) });
  return linesOf(objects);
}

function ip(text: string): IpAddress {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`);
  return parsed;
}
