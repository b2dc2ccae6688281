/** Tables in memory as a standalone log, for tests of what reads files: the schema is what the tables declare. */
import { createHash } from 'node:crypto';
import { declaredType } from '../schema.ts';
import type { AtomType, ColumnType, DatabaseSpec, Views } from '../types.ts';
import { standaloneLog } from './log-writer.ts';

/** Rows keep their contents; names that stand for UUIDs become real ones. */
export function databaseLog<D extends DatabaseSpec>(spec: D, views: Views<D>): Buffer {
  const tables = Object.entries(spec.tables).map(([name, { columns }]) => {
    const types = Object.entries(columns);
    const schema = Object.fromEntries(types.map(([column, type]) => [column, { type: schemaType(type) }]));
    return [name, { isRoot: true, columns: schema }] as const;
  });
  const rows = Object.entries(spec.tables).map(([name, { columns }]) => {
    const entries = [...(views[name] ?? [])].map((row) => {
      const values = Object.entries(columns).map(([column, type]) => [column, wire(type, row[column])]);
      return [uuidOf(row._uuid), Object.fromEntries(values)] as const;
    });
    return [name, Object.fromEntries(entries)] as const;
  });
  return standaloneLog(
    { name: spec.name, version: '1.0.0', tables: Object.fromEntries(tables) },
    { _date: 1_700_000_000_000, ...Object.fromEntries(rows) },
  );
}

/** The UUID that a readable name becomes. */
export function uuidOf(name: string): string {
  const hex = createHash('sha1').update(name).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

function schemaType(type: ColumnType): object {
  const { shape, key, value } = declaredType(type);
  const max = shape === 'set' || shape === 'map' ? 'unlimited' : 1;
  return { key, ...(value === undefined ? {} : { value }), min: shape === 'one' ? 1 : 0, max };
}

function wire(type: ColumnType, held: unknown): unknown {
  const { key, value } = declaredType(type);
  const atom = (atomType: AtomType | undefined, each: unknown): unknown =>
    atomType === 'uuid' ? ['uuid', uuidOf(String(each))] : each;
  if (held === undefined) return ['set', []];
  if (held instanceof Map) return ['map', [...held].map(([k, v]) => [atom(key, k), atom(value, v)])];
  return Array.isArray(held) ? ['set', held.map((each) => atom(key, each))] : atom(key, held);
}
