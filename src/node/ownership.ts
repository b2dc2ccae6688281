/**
 * Which names, addresses and protocols mark things as the agent's. Pure; the rules are the same for reading a whole
 * table and for judging one event. What has no mark is the predecessor's where `survey.ts` found that it is.
 */
import type { Prefix } from '../base/address.ts';
import { isAdvertiseMetric } from './advertise-metrics.ts';
import { MAIN_TABLE, type NodeObject, type NodeScope } from './objects.ts';

/** RTPROT_* of linux/rtnetlink.h, as far as somebody else's are told apart. */
export const PROTOCOL_UNSPEC = 0;
export const PROTOCOL_BOOT = 3;
/** RTPROT_KERNEL, and what FRR learns: bgp, isis, ospf, rip. The agent has nothing to do with such routes. */
export const OTHERS_ROUTES: ReadonlySet<number> = new Set([2, 186, 187, 188, 189]);

/** Host addresses that the agent and its predecessor put on provider bridges and VLAN devices. */
const BRIDGE_ADDRESS_BLOCKS = ['169.254.', 'fd53:d91e:400:7f17:'];
/** The kernel keeps 15 characters of a device name; five are left for `.` and the tag. */
const VLAN_PARENT_LENGTH = 10;
const VLAN_TAG = /^[1-9][0-9]{0,3}$/;
const MAX_VLAN_TAG = 4094;

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

/** Where handover addresses of bridges and VLAN devices are. */
export function isBridgeAddress(prefix: string): boolean {
  return BRIDGE_ADDRESS_BLOCKS.some((block) => prefix.startsWith(block));
}

/**
 * Place in the mappings that a handover address of the agent or its predecessor tells, for the device that it is on;
 * `undefined` for any other address. On bridges `169.254.<n>.<n>` and `fd53:d91e:400:7f17::<n>:<n>`, of the Python agent's
 * version 4.0 with 0 for the first; on VLAN devices the tag (modulo 256) comes last.
 */
export function handoverPlace(device: string, bridge: boolean, prefix: Prefix): number | undefined {
  const v4 = /^169\.254\.(\d+)\.(\d+)\/32$/.exec(prefix);
  const v6 = /^fd53:d91e:400:7f17::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\/128$/.exec(prefix);
  const radix = v4 === null ? 16 : 10;
  const found = v4 ?? v6;
  if (found === null) return undefined;
  const place = Number.parseInt(found[1] ?? '0', radix);
  const last = Number.parseInt(found[2] ?? '', radix);
  if (bridge) return place === 0 || place === last ? last : undefined;
  const tag = Number(device.slice(device.lastIndexOf('.') + 1));
  return last === tag % 256 ? place : undefined;
}

export function isLinkLocal(prefix: Prefix): boolean {
  return /^(?:fe[89ab][0-9a-f]:|169\.254\.)/.test(prefix);
}

/** The prefix that an advertisement makes traffic come for. */
export function advertisedPrefix(object: NodeObject): Prefix | undefined {
  if (object.kind === 'address') return object.prefix;
  return object.kind === 'route' ? object.destination : undefined;
}

/** A dummy that the agent made for a former configuration. */
export function isFormerNic({ formerLinks }: NodeScope, device: string): boolean {
  return formerLinks?.some(({ name, table }) => table === undefined && name === device) === true;
}

/** True for what makes traffic come here: it is withdrawn first and put in place last. */
export function isAdvertisement(scope: NodeScope, object: NodeObject): boolean {
  if (object.kind === 'address') return object.device === scope.bgpNic || isFormerNic(scope, object.device);
  if (object.kind !== 'route') return false;
  return (
    object.table === scope.bgpVrfTable ||
    scope.formerLinks?.some(({ table }) => table === object.table) === true ||
    (object.table === MAIN_TABLE && isAdvertiseMetric(object.metric) && object.target.type === 'blackhole')
  );
}
