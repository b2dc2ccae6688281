/**
 * Flows and static MAC table entries between the node's own OVN and the bridges around it. Pure.
 *
 * Fabric bridges: traffic to exposed prefixes goes to the router under the bridge's MAC address; what the leaf answers to
 * address resolution goes to both the router and the kernel, which share the bridge's addresses; BFD goes to OVN when that
 * runs it. Provider bridge: whatever address workloads send to, packets that leave the cloud's OVN go to the router.
 */
import { familyOf, isHostPrefix, networkAddress, type Prefix } from '../base/address.ts';
import type { NodeObject } from '../node/objects.ts';
import { AGENT_COOKIE, type FlowPriority } from '../openvswitch/types.ts';
import { INNER_MAC } from './ovn-names.ts';
import type { Uplink } from './ovn-uplinks.ts';

const TRAFFIC_PRIORITY: FlowPriority = 1000;
const RESOLUTION_PRIORITY: FlowPriority = 1050;
const BFD_PRIORITY: FlowPriority = 1100;
/** UDP port of single-hop BFD (RFC 5881). */
const BFD_PORT = 3784;

/** An uplink whose patch port is there. */
export type WiredUplink = Uplink & { readonly patchOfport: number };

export function isWired(uplink: Uplink): uplink is WiredUplink {
  return uplink.patchOfport !== undefined;
}

/** Keeps the bridge's address on the bridge: OVN answers for it as well, and the bridge would learn it on the patch port. */
export function bridgeEntry({ bridge, mac }: Uplink): NodeObject {
  return { kind: 'fdb', bridge, mac, vlan: 0 };
}

/** Answers of the leaf to ARP and neighbour solicitations, for OVN and for the kernel. */
export function resolutionFlows({ bridge, nicOfport, patchOfport }: WiredUplink): readonly NodeObject[] {
  return ['arp,arp_op=2', 'icmp6,icmp_type=136'].map((match) =>
    flow(bridge, RESOLUTION_PRIORITY, match, nicOfport, `output:${patchOfport},NORMAL`),
  );
}

export function bfdFlows({ bridge, nicOfport, patchOfport, mac }: WiredUplink): readonly NodeObject[] {
  return ['udp', 'udp6'].map((protocol) =>
    flow(
      bridge,
      BFD_PRIORITY,
      `${protocol},tp_dst=${BFD_PORT}`,
      nicOfport,
      `mod_dl_dst:${mac},output:${patchOfport}`,
    ),
  );
}

/** Traffic from the fabric to a prefix. */
export function ingressFlow(
  { bridge, nicOfport, patchOfport, mac }: WiredUplink,
  prefix: Prefix,
): NodeObject {
  const match = familyOf(prefix) === 4 ? 'ip,nw_dst' : 'ipv6,ipv6_dst';
  // Open vSwitch prints a host prefix without its length.
  const destination = isHostPrefix(prefix) ? networkAddress(prefix) : prefix;
  const actions = `mod_dl_dst:${mac},output:${patchOfport}`;
  return flow(bridge, TRAFFIC_PRIORITY, `${match}=${destination}`, nicOfport, actions);
}

/** Traffic from the cloud's OVN on one of its patch ports. */
export function egressFlows(bridge: string, patchOfport: number): readonly NodeObject[] {
  return ['ip', 'ipv6'].map((protocol) =>
    flow(bridge, TRAFFIC_PRIORITY, protocol, patchOfport, `mod_dl_dst:${INNER_MAC},NORMAL`),
  );
}

function flow(bridge: string, priority: number, match: string, inPort: number, actions: string): NodeObject {
  const [protocol, ...fields] = match.split(',');
  const text = [protocol, `in_port=${inPort}`, ...fields].join(',');
  return { kind: 'flow', bridge, flow: { cookie: AGENT_COOKIE, priority, match: text, actions } };
}
