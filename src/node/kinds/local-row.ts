/**
 * Rows of the node's own OVN cluster. All changes of a stage are one transaction; what is ours is told by names and marks
 * (`localnb/read-rows.ts`). Reading is a look at the replica.
 */
import { describeRow, sameRow } from '../../localnb/rows.ts';
import type { LocalWrite } from '../../localnb/types.ts';
import type { LocalRowObject, ObservedObject } from '../objects.ts';
import type { Kind, View } from './kind.ts';

export const localRowKind: Kind<LocalRowObject> = {
  kind: 'local-row',
  concern: 'local-ovn',
  readsPicture: true,
  selfContained: true,
  same: (a, b) => sameRow(a.row, b.row),
  describe: ({ row }) => `local OVN ${describeRow(row)}`,
  read: async (view) => observeRows(view),
  write: async (view, writes, signal) => {
    const { localOvn } = view.edge;
    if (localOvn === undefined) {
      return writes.map(() => ({ message: 'there is no connection to the local cluster', doubt: false }));
    }
    const results = await localOvn.write(
      writes.map(({ op, object: { row, duplicate } }): LocalWrite => {
        const target = duplicate === undefined ? {} : { duplicate };
        return { op: op === 'remove' ? 'remove' : 'put', row, ...target };
      }),
      signal,
    );
    return results.map((failure) => (failure === undefined ? undefined : { ...failure, doubt: true }));
  },
  notInEffect: ({ edge }) => edge.localOvn?.pending(),
  confirm: async ({ edge }, signal) => edge.localOvn?.confirm(signal),
};

/** From the last picture of the cluster; throws where its rows matter and none was seen yet. */
export function observeRows(view: View): ObservedObject[] {
  const snapshot = view.edge.localOvn?.snapshot();
  if (snapshot?.foreign !== undefined) {
    // A cloud's database may have rows with such names; they are not looked at where nothing is wanted of it.
    if (view.scope.localOvn === true) throw new Error(snapshot.foreign);
    return [];
  }
  if (snapshot === undefined) {
    if (view.scope.localOvn !== true) return [];
    throw new Error("the node's own Northbound database has not been read yet; see whether it runs");
  }
  return snapshot.rows.map(({ row, owned, duplicate }) => ({
    object: { kind: 'local-row', row, ...(duplicate === undefined ? {} : { duplicate }) },
    owned,
  }));
}
