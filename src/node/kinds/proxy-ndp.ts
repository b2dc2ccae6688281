/** Proxy entries: IPv6 addresses that the node answers neighbour solicitations for. The kernel sends no events for them. */
import { familyOf, parseIp } from '../../base/address.ts';
import type { Neighbor } from '../../netlink/types.ts';
import { AGENT_PROTOCOL, type ObservedObject, type ProxyNdpObject } from '../objects.ts';
import { isUnsaidProtocol } from '../ownership.ts';
import type { Kind, View } from './kind.ts';
import { isRelevantNeighbor } from './neighbor.ts';
import { noDevice, writeNetlink } from './netlink-writes.ts';

/** NUD_PERMANENT of linux/neighbour.h: without it the kernel drops the entry, silently, when the device loses its carrier. */
const PERMANENT = 0x80;

export function observeProxy(view: View, raw: Neighbor): ObservedObject | undefined {
  if (!raw.proxy || raw.family !== 6 || !isRelevantNeighbor(view, raw)) return undefined;
  const device = view.devices.at(raw.index)?.name;
  const address = raw.address === undefined ? undefined : parseIp(raw.address);
  if (device === undefined || address === undefined) return undefined;
  const adopted = isUnsaidProtocol(raw.protocol) && view.scope.adopted?.devices.has(device) === true;
  const owned = raw.protocol === AGENT_PROTOCOL || adopted;
  return { object: { kind: 'proxy-ndp', device, address }, owned };
}

export const proxyNdpKind: Kind<ProxyNdpObject> = {
  kind: 'proxy-ndp',
  concern: 'kernel',
  selfContained: true,
  unannounced: true,
  same: () => true,
  describe: ({ address, device }) => `proxy ${address} dev ${device}`,
  read: async (view) => {
    const found = await view.edge.netlink.neighbors({ family: 6, proxy: true });
    return found.flatMap((raw) => observeProxy(view, raw) ?? []);
  },
  write: (view, writes, signal) =>
    writeNetlink(
      view,
      writes,
      {
        requests: ({ op, object: { device, address } }) => {
          const index = view.devices.named(device)?.index;
          if (index === undefined) return op === 'remove' ? [] : noDevice(device);
          const neighbor = { family: familyOf(address), index, address, proxy: true };
          return op === 'remove'
            ? [{ type: 'neighbor', op: 'delete', neighbor }]
            : [
                {
                  type: 'neighbor',
                  op: 'add',
                  neighbor: { ...neighbor, state: PERMANENT, protocol: AGENT_PROTOCOL },
                },
              ];
        },
        existsIsDone: () => true,
      },
      signal,
    ),
};
