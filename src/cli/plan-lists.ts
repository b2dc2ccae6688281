/**
 * The vocabulary of `plan --output json` (docs/reference/plan.md): one list for each kind of thing that a node holds.
 *
 * In: desired objects. Out: plain JSON values in a fixed order. Pure.
 */
import { describe } from '../node/describe.ts';
import type { DesiredObject, NodeObject, NodeObjectKind } from '../node/objects.ts';

/** In the order in which they are printed. */
export const LISTS = [
  'links',
  'addresses',
  'rules',
  'routes',
  'neighbours',
  'proxies',
  'sysctls',
  'rt_tables',
  'ovs_ports',
  'flows',
  'fdb',
  'local_ovn_rows',
  'frr',
] as const;
export type ListName = (typeof LISTS)[number];

const LIST_OF: Readonly<Record<NodeObjectKind, ListName>> = {
  link: 'links',
  address: 'addresses',
  rule: 'rules',
  route: 'routes',
  neighbor: 'neighbours',
  'proxy-ndp': 'proxies',
  sysctl: 'sysctls',
  'rt-table': 'rt_tables',
  'ovs-port': 'ovs_ports',
  flow: 'flows',
  frr: 'frr',
  fdb: 'fdb',
  'local-row': 'local_ovn_rows',
};

/** An object that is wanted, with everything that is known of why. */
export type ListedObject = NodeObject & {
  /** The object in the words of `ip` and its like. */
  readonly text: string;
  readonly role: DesiredObject['role'];
  readonly because: string;
};

/** Every list, empty ones too; objects in the order in which they are given. */
export function objectLists(
  objects: Iterable<DesiredObject>,
): Readonly<Record<ListName, readonly ListedObject[]>> {
  const lists = Object.fromEntries(LISTS.map((name) => [name, [] as ListedObject[]])) as Record<
    ListName,
    ListedObject[]
  >;
  for (const { object, role, because } of objects) {
    lists[LIST_OF[object.kind]].push({ ...object, text: describe(object), role, because });
  }
  return lists;
}
