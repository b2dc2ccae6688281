/** Every kind of thing that a node holds. */
import type { NodeObject, NodeObjectKind } from '../objects.ts';
import { addressKind } from './address.ts';
import { fdbKind } from './fdb.ts';
import { flowKind } from './flow.ts';
import { frrKind } from './frr.ts';
import type { Kind } from './kind.ts';
import { linkKind } from './link.ts';
import { localRowKind } from './local-row.ts';
import { neighborKind } from './neighbor.ts';
import { ovsPortKind } from './ovs-port.ts';
import { proxyNdpKind } from './proxy-ndp.ts';
import { routeKind } from './route.ts';
import { rtTableKind } from './rt-table.ts';
import { ruleKind } from './rule.ts';
import { sysctlKind } from './sysctl.ts';

const KINDS: { readonly [K in NodeObjectKind]: Kind<Extract<NodeObject, { readonly kind: K }>> } = {
  link: linkKind,
  'rt-table': rtTableKind,
  sysctl: sysctlKind,
  'ovs-port': ovsPortKind,
  address: addressKind,
  flow: flowKind,
  rule: ruleKind,
  route: routeKind,
  neighbor: neighborKind,
  'proxy-ndp': proxyNdpKind,
  frr: frrKind,
  fdb: fdbKind,
  'local-row': localRowKind,
};

/** In the order in which they are read: what names devices comes first. */
export const ALL_KINDS: readonly NodeObjectKind[] = Object.keys(KINDS) as NodeObjectKind[];

/** The caller hands it objects of that kind only: methods accept any, the type cannot say so. */
export function kindNamed(kind: NodeObjectKind): Kind {
  return KINDS[kind];
}

/** The kinds of which this is true. */
export function kindsWhere(holds: (kind: Kind) => boolean): readonly NodeObjectKind[] {
  return ALL_KINDS.filter((name) => holds(kindNamed(name)));
}

/** Objects of one key are of one kind. */
export function sameContents(desired: NodeObject, observed: NodeObject): boolean {
  return desired.kind === observed.kind && kindNamed(desired.kind).same(desired, observed);
}
