/**
 * Static entries of bridges' MAC tables that keep a bridge's address on its own port. They carry no mark: ours are those for
 * the address of the bridge itself, where it is one of the node's own OVN or has flows of the agent, and those that the
 * agent held before the bridge got another address (`displaced.ts`).
 */
import type { FdbObject, ObservedObject } from '../objects.ts';
import { type Kind, type View, writeEach } from './kind.ts';

export const fdbKind: Kind<FdbObject> = {
  kind: 'fdb',
  concern: 'vswitchd',
  selfContained: true,
  // vswitchd does not tell of its MAC tables.
  unannounced: true,
  same: () => true,
  describe: ({ bridge, mac, vlan }) => `fdb ${bridge} port ${bridge} vlan ${vlan} mac ${mac} static`,
  read: async (view, signal) => {
    const found: ObservedObject[] = [];
    // Without bridges of an OVN of its own there can be none of ours.
    for (const bridge of view.scope.flowBridges ?? []) found.push(...(await readFdb(view, bridge, signal)));
    return found;
  },
  write: ({ edge }, writes, signal) =>
    writeEach(writes, signal, async ({ op, object: { bridge, mac, vlan } }) => {
      if (op === 'remove') await edge.ovs.removeStaticFdb(bridge, { mac, vlan }, signal);
      else await edge.ovs.addStaticFdb(bridge, { mac, vlan }, signal);
    }),
};

/** The static entries of one bridge as objects. */
export async function readFdb(
  view: View,
  bridge: string,
  signal: AbortSignal | undefined,
): Promise<ObservedObject[]> {
  const { ovs } = view.edge;
  const entries = await ovs.staticFdb(bridge, signal);
  if (entries.length === 0) return [];
  const local = view.scope.localBridges?.includes(bridge) === true;
  const worked = local || (await ovs.flows(bridge, signal)).length > 0;
  return entries.map(({ mac, vlan }) => ({
    object: { kind: 'fdb', bridge, mac, vlan },
    owned: worked && vlan === 0 && view.devices.named(bridge)?.mac === mac,
  }));
}
