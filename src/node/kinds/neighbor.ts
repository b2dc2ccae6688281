/** Permanent neighbours on provider bridges and their VLAN devices. */
import { familyOf, parseIp, parseMac } from '../../base/address.ts';
import type { Neighbor, Request } from '../../netlink/types.ts';
import { AGENT_PROTOCOL, type NeighborObject, type ObservedObject } from '../objects.ts';
import { isHandoverDevice, isUnsaidProtocol } from '../ownership.ts';
import type { Kind, View } from './kind.ts';
import { noDevice, writeNetlink } from './netlink-writes.ts';

/** NUD_PERMANENT of linux/neighbour.h. */
const PERMANENT = 0x80;

export function isRelevantNeighbor(view: View, raw: Neighbor): boolean {
  if (raw.family === 'bridge' || raw.address === undefined) return false;
  if (raw.protocol === AGENT_PROTOCOL) return true;
  const device = view.devices.at(raw.index)?.name;
  return device !== undefined && isHandoverDevice(view.scope, device);
}

/** `undefined` for what the kernel learned itself: a permanent entry of ours replaces it. */
export function observeNeighbor(view: View, raw: Neighbor): ObservedObject | undefined {
  if (raw.proxy || (raw.state & PERMANENT) === 0 || !isRelevantNeighbor(view, raw)) return undefined;
  const device = view.devices.at(raw.index)?.name;
  const address = raw.address === undefined ? undefined : parseIp(raw.address);
  const mac = raw.mac === undefined ? undefined : parseMac(raw.mac);
  if (device === undefined || address === undefined || mac === undefined) return undefined;
  const object: NeighborObject = { kind: 'neighbor', device, address, mac };
  if (raw.protocol === AGENT_PROTOCOL) return { object, owned: true };
  if (!isUnsaidProtocol(raw.protocol)) {
    return { object, owned: false, foreign: `a neighbour of protocol ${raw.protocol} stands there` };
  }
  if (view.scope.adopted?.devices.has(device) === true) return { object, owned: true };
  return {
    object,
    owned: false,
    foreign: `a neighbour with MAC address ${mac} stands there that the agent did not make`,
  };
}

export const neighborKind: Kind<NeighborObject> = {
  kind: 'neighbor',
  concern: 'kernel',
  same: (a, b) => a.mac === b.mac,
  describe: ({ address, mac, device }) => `neighbour ${address} lladdr ${mac} dev ${device} permanent`,
  read: async (view) => {
    const { netlink } = view.edge;
    const found = await Promise.all([
      netlink.neighbors({ family: 4, proxy: false }),
      netlink.neighbors({ family: 6, proxy: false }),
    ]);
    return found.flat().flatMap((raw) => observeNeighbor(view, raw) ?? []);
  },
  write: (view, writes, signal) =>
    writeNetlink(
      view,
      writes,
      {
        requests: ({ op, object }) => {
          const index = view.devices.named(object.device)?.index;
          if (index === undefined) return op === 'remove' ? [] : noDevice(object.device);
          return [neighborRequest(op === 'remove' ? 'delete' : 'replace', index, object)];
        },
        existsIsDone: () => false,
      },
      signal,
    ),
};

function neighborRequest(op: 'replace' | 'delete', index: number, { address, mac }: NeighborObject): Request {
  const neighbor = { family: familyOf(address), index, address };
  if (op === 'delete') return { type: 'neighbor', op, neighbor };
  return {
    type: 'neighbor',
    op,
    neighbor: { ...neighbor, mac, state: PERMANENT, protocol: AGENT_PROTOCOL },
  };
}
