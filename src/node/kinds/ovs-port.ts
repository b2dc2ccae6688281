/** Tagged internal ports that hand VLAN traffic to a kernel without 802.1Q devices. Ours are marked in `external_ids`. */
import { type MacAddress, parseMac } from '../../base/address.ts';
import { PORT_OWNER_KEY } from '../../openvswitch/types.ts';
import type { ObservedObject, OvsPortObject } from '../objects.ts';
import { type Kind, type View, writeEach } from './kind.ts';

/** MAC address of a device that the kernel does not show (yet). */
const UNKNOWN_MAC = '00:00:00:00:00:00' as MacAddress;

/** From the last picture of the local database; throws when there has been none yet. */
export function observePorts(view: View): ObservedObject[] {
  const snapshot = view.edge.ovs.snapshot();
  if (snapshot === undefined) throw new Error('the local Open_vSwitch database has not been read yet');
  const found: ObservedObject[] = [];
  for (const bridge of snapshot.bridges.values()) {
    const wanted = view.scope.bridges.includes(bridge.name);
    for (const port of bridge.ports.values()) {
      const owned = port.externalIds.has(PORT_OWNER_KEY);
      // The bridge's own device is an internal port, too.
      const mayBeInTheWay = wanted && port.type === 'internal' && port.name !== bridge.name;
      if (!owned && !mayBeInTheWay) continue;
      const object: OvsPortObject = {
        kind: 'ovs-port',
        bridge: bridge.name,
        name: port.name,
        tag: port.tag ?? 0,
        mac: parseMac(view.devices.named(port.name)?.mac ?? '') ?? UNKNOWN_MAC,
      };
      found.push(
        owned
          ? { object, owned }
          : { object, owned, foreign: `port ${port.name} of ${bridge.name} was not made by the agent` },
      );
    }
  }
  return found;
}

export const ovsPortKind: Kind<OvsPortObject> = {
  kind: 'ovs-port',
  concern: 'switch-database',
  readsPicture: true,
  same: (a, b) => a.tag === b.tag && a.mac === b.mac,
  describe: ({ bridge, name, tag, mac }) => `ovs port ${name} on ${bridge} tag ${tag} mac ${mac}`,
  read: async (view) => observePorts(view),
  write: ({ edge }, writes, signal) =>
    writeEach(writes, signal, async ({ op, object: { bridge, name, tag, mac } }) => {
      if (op === 'remove') await edge.ovs.removePort(bridge, name, signal);
      else await edge.ovs.ensureInternalPort(bridge, { name, tag, mac }, signal);
    }),
};
