/** The agent's stanzas in FRR's running configuration. */
import type { StanzaScope } from '../../frr/types.ts';
import type { FrrObject, NodeScope, ObservedObject } from '../objects.ts';
import { type Kind, type View, writeEach } from './kind.ts';

export const frrKind: Kind<FrrObject> = {
  kind: 'frr',
  concern: 'bgpd',
  selfContained: true,
  // FRR does not tell when somebody edits its configuration.
  unannounced: true,
  // No reason to empty the node while FRR restarts.
  harmlessWhenMissing: true,
  same: (a, b) => JSON.stringify(a.stanza.lines) === JSON.stringify(b.stanza.lines),
  describe: ({ stanza }) => `frr stanza ${stanza.id} (${stanza.lines.length} lines)`,
  read: async (view, signal) => {
    const found: ObservedObject[] = [];
    for (const stanza of await view.edge.frr.stanzas(stanzaScope(view), signal))
      found.push({ object: { kind: 'frr', stanza }, owned: true });
    for (const formerVrf of formerVrfs(view.scope)) {
      const stanzas = await view.edge.frr.stanzas(stanzaScope(view, formerVrf), signal);
      for (const stanza of stanzas.filter(({ id }) => id === 'leak'))
        found.push({ object: { kind: 'frr', stanza, formerVrf }, owned: true });
    }
    return found;
  },
  write: (view, writes, signal) =>
    writeEach(writes, signal, async ({ op, object, observed }) => {
      const from = observed?.object.kind === 'frr' ? observed.object.stanza : undefined;
      const to = op === 'remove' ? undefined : object.stanza;
      await view.edge.frr.apply(stanzaScope(view, object.formerVrf), from, to, signal);
    }),
};

function stanzaScope({ scope }: View, formerVrf?: string): StanzaScope {
  const { bgpAs: as, bgpVrf: vrf } = scope;
  return formerVrf === undefined ? { as, vrf } : { as, vrf: formerVrf, former: true };
}

/** VRFs of former configurations that are still there, by name: what FRR has about them has no other mark. */
function formerVrfs({ formerLinks = [], bgpVrf }: NodeScope): readonly string[] {
  return formerLinks.flatMap(({ name, table }) => (table === undefined || name === bgpVrf ? [] : [name]));
}
