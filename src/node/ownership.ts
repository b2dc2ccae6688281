/**
 * Which names, addresses and protocols mark things as the agent's. Pure; the rules are the same for reading a whole
 * table and for judging one event.
 */
import type { Prefix } from '../base/address.ts';
import { isAdvertiseMetric } from './advertise-metrics.ts';
import { AGENT_PROTOCOL, MAIN_TABLE, type NodeObject, type NodeScope } from './objects.ts';

/** RTPROT_* of linux/rtnetlink.h, as far as somebody else's are told apart. */
export const PROTOCOL_UNSPEC = 0;
export const PROTOCOL_BOOT = 3;
export const PROTOCOL_STATIC = 4;

/** Host addresses that the agent and its predecessor put on provider bridges and VLAN devices. */
const BRIDGE_ADDRESS_BLOCKS = ['169.254.', 'fd53:d91e:400:7f17:'];
/** The kernel keeps 15 characters of a device name; five are left for `.` and the tag. */
const VLAN_PARENT_LENGTH = 10;
const VLAN_TAG = /^[1-9][0-9]{0,3}$/;
const MAX_VLAN_TAG = 4094;

/** True for what the agent writes, and for what its predecessor wrote without saying so. */
export function isAgentProtocol(protocol: number | undefined): boolean {
  return protocol === AGENT_PROTOCOL || isUnsaidProtocol(protocol);
}

/** What tools write that do not name themselves: pyroute2 leaves rules and neighbours at 0 and routes at `boot`. */
export function isUnsaidProtocol(protocol: number | undefined): boolean {
  return protocol === undefined || protocol === PROTOCOL_UNSPEC || protocol === PROTOCOL_BOOT;
}

/** `<first ten characters of a bridge>.<tag>`: a device that hands VLAN traffic of one of our bridges over. */
export function isVlanName(scope: Pick<NodeScope, 'bridges'>, name: string): boolean {
  const dot = name.lastIndexOf('.');
  if (dot <= 0) return false;
  const tag = name.slice(dot + 1);
  if (!VLAN_TAG.test(tag) || Number(tag) > MAX_VLAN_TAG) return false;
  const parent = name.slice(0, dot);
  return scope.bridges.some((bridge) => bridge.slice(0, VLAN_PARENT_LENGTH) === parent);
}

/** A device between fabric and overlay: a provider bridge or one of its VLAN devices. */
export function isHandoverDevice(scope: Pick<NodeScope, 'bridges'>, name: string): boolean {
  return scope.bridges.includes(name) || isVlanName(scope, name);
}

export function isBridgeAddress(prefix: string): boolean {
  return BRIDGE_ADDRESS_BLOCKS.some((block) => prefix.startsWith(block));
}

export function isLinkLocal(prefix: Prefix): boolean {
  return /^(?:fe[89ab][0-9a-f]:|169\.254\.)/.test(prefix);
}

/** The prefix that an advertisement makes traffic come for. */
export function advertisedPrefix(object: NodeObject): Prefix | undefined {
  if (object.kind === 'address') return object.prefix;
  return object.kind === 'route' ? object.destination : undefined;
}

/** True for what makes traffic come here: it is withdrawn first and put in place last. */
export function isAdvertisement(scope: NodeScope, object: NodeObject): boolean {
  if (object.kind === 'address') return object.device === scope.bgpNic;
  if (object.kind !== 'route') return false;
  return (
    object.table === scope.bgpVrfTable ||
    (object.table === MAIN_TABLE && isAdvertiseMetric(object.metric) && object.target.type === 'blackhole')
  );
}
