/** Names of the bridges' routing tables, for people and for the predecessor, which finds its numbers there. */
import type { ObservedObject, RtTableObject } from '../objects.ts';
import { failureOf, type Kind } from './kind.ts';

export const rtTableKind: Kind<RtTableObject> = {
  kind: 'rt-table',
  concern: 'files',
  same: (a, b) => a.number === b.number,
  describe: ({ number, name }) => `rt_tables ${number} ${name}`,
  read: async ({ edge, scope }) => {
    const entries = await edge.files.readRtTables();
    return entries.map(
      ({ number, name }): ObservedObject => ({
        object: { kind: 'rt-table', number, name },
        // A name alone is no proof: operators prepare the line for a bridge that the agent has not come to yet.
        owned: scope.bridges.includes(name) && scope.tables.has(number),
      }),
    );
  },
  write: async ({ edge }, writes) => {
    const add = writes
      .filter(({ op }) => op !== 'remove')
      .map(({ object: { number, name } }) => ({ number, name }));
    const remove = writes.filter(({ op }) => op !== 'add').map(({ object }) => object.name);
    try {
      await edge.files.editRtTables({ add, remove });
      return writes.map(() => undefined);
    } catch (error) {
      return writes.map(() => failureOf(error, true));
    }
  },
};
