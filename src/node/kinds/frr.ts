/** The agent's stanzas in FRR's running configuration. */
import type { FrrObject } from '../objects.ts';
import { failureOf, type Kind, type View, type WriteResult } from './kind.ts';

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
  write: async (view, writes, signal) => {
    const results: WriteResult[] = [];
    for (const { op, object, observed } of writes) {
      signal?.throwIfAborted();
      const from = observed?.object.kind === 'frr' ? observed.object.stanza : undefined;
      try {
        await view.edge.frr.apply(
          stanzaScope(view),
          from,
          op === 'remove' ? undefined : object.stanza,
          signal,
        );
        results.push(undefined);
      } catch (error) {
        signal?.throwIfAborted();
        results.push(failureOf(error, true));
      }
    }
    return results;
  },
};

function stanzaScope({ scope }: View): { readonly as: number; readonly vrf: string } {
  return { as: scope.bgpAs, vrf: scope.bgpVrf };
}
