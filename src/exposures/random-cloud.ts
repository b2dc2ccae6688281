/** Random clouds for property tests: random rows put into a database, with the topology over it. */
import type { Arbitrary } from 'fast-check';
import { BINDINGS } from '../ovn/bindings-schema.ts';
import { type MemoryDatabase, memoryDatabase, type Transaction } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { CandidateKey, IncrementalTopology, Topology } from '../ovn/topology.ts';
import type { DatabaseSpec } from '../ovsdb/types.ts';
import { northboundSteps, type RowEdit, type Step, southboundSteps } from './random-rows.ts';

export type { RowEdit, Step };

/** A database with its topology, changed by steps. */
export interface RandomCloud {
  readonly topology: Topology;
  /** Another topology over the same tables, which remembers nothing. */
  readonly fresh: () => Topology;
  /** Makes the edits and tells which candidates they affect. */
  readonly apply: (step: Step) => 'all' | ReadonlySet<CandidateKey>;
}

export interface CloudKind {
  readonly name: string;
  readonly steps: Arbitrary<readonly Step[]>;
  readonly create: () => RandomCloud;
}

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
/** Puts a row in place or deletes it; edits name their tables, so types are left behind here. */
function put<D extends DatabaseSpec>(db: MemoryDatabase<D>, tx: Transaction<D>, edit: RowEdit): void {
  const table = edit.table as keyof D['tables'] & string;
  const present = db.views[table].get(edit.uuid) !== undefined;
  const values = edit.values as Parameters<typeof tx.insert<typeof table>>[1] | undefined;
  if (values === undefined) {
    if (present) tx.delete(table, edit.uuid);
  } else if (present) {
    tx.update(table, edit.uuid, values);
  } else {
    tx.insert(table, values, edit.uuid);
  }
}

function cloudOf<D extends DatabaseSpec>(
  spec: D,
  topologyOf: (views: MemoryDatabase<D>['views']) => IncrementalTopology<D>,
): RandomCloud {
  const db = memoryDatabase(spec);
  const topology = topologyOf(db.views);
  return {
    topology,
    fresh: () => topologyOf(db.views),
    apply: (step) =>
      topology.affected(
        db.transact((tx) => {
          for (const edit of step) put(db, tx, edit);
        }),
      ),
  };
}

/** The Northbound database with the bindings of the Southbound one, which have tables of other names. */
function northboundCloud(): RandomCloud {
  const [db, bindings] = [memoryDatabase(NORTHBOUND), memoryDatabase(BINDINGS)];
  const topologyOf = () =>
    createNorthboundTopology(db.views, IDENTITY, { cms: 'auto', bindings: bindings.views, health: true });
  const topology = topologyOf();
  return {
    topology,
    fresh: topologyOf,
    apply: (step) => {
      const bound = (edit: RowEdit) => Object.hasOwn(BINDINGS.tables, edit.table);
      const affected = [
        topology.affected(
          db.transact((tx) => {
            for (const edit of step) if (!bound(edit)) put(db, tx, edit);
          }),
        ),
        topology.affectedByBindings(
          bindings.transact((tx) => {
            for (const edit of step) if (bound(edit)) put(bindings, tx, edit);
          }),
        ),
      ];
      const keys = new Set<CandidateKey>();
      for (const some of affected) {
        if (some === 'all') return 'all';
        for (const key of some) keys.add(key);
      }
      return keys;
    },
  };
}

export const CLOUD_KINDS: readonly CloudKind[] = [
  {
    name: 'Northbound',
    steps: northboundSteps,
    create: northboundCloud,
  },
  {
    name: 'Southbound',
    steps: southboundSteps,
    create: () => cloudOf(SOUTHBOUND, (views) => createSouthboundTopology(views, IDENTITY, { health: true })),
  },
];

/** The rows that steps leave behind, to be put in place in another order. */
export function finalRows(steps: readonly Step[]): RowEdit[] {
  const rows = new Map<string, RowEdit>();
  for (const edit of steps.flat()) {
    const key = `${edit.table} ${edit.uuid}`;
    const before = rows.get(key)?.values;
    rows.delete(key);
    if (edit.values !== undefined) rows.set(key, { ...edit, values: { ...before, ...edit.values } });
  }
  return [...rows.values()];
}
