/** The agent's stanzas in FRR's running configuration. */
import type { FrrObject } from '../objects.ts';
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
    const stanzas = await view.edge.frr.stanzas(stanzaScope(view), signal);
    return stanzas.map((stanza) => ({ object: { kind: 'frr', stanza }, owned: true }));
  },
  write: (view, writes, signal) =>
    writeEach(writes, signal, async ({ op, object, observed }) => {
      const from = observed?.object.kind === 'frr' ? observed.object.stanza : undefined;
      const to = op === 'remove' ? undefined : object.stanza;
      await view.edge.frr.apply(stanzaScope(view), from, to, signal);
    }),
};

function stanzaScope({ scope }: View): { readonly as: number; readonly vrf: string } {
  return { as: scope.bgpAs, vrf: scope.bgpVrf };
}
