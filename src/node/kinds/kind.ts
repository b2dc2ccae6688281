/** What `node/` must know of each kind of thing; one file a kind implements it, `registry.ts` lists them. */
import type { Devices } from '../devices.ts';
import type { NodeEdge } from '../edge.ts';
import type { NodeObject, NodeScope, ObjectKey, ObservedObject } from '../objects.ts';

/**
 * The outside things that a node's objects are read from and written to. Each may be slow, away or frozen without the others:
 * what is the business of one waits for that one only.
 *
 * `kernel` (rtnetlink and /proc/sys) and `files` answer at once. `vswitchd`: flows and MAC tables, asked of ovs-vswitchd
 * itself. `switch-database`: the ovsdb-server of the Open_vSwitch database. `local-ovn`: the node's own OVN. `bgpd`, `zebra`:
 * the two daemons of FRR.
 */
export type Concern = 'kernel' | 'files' | 'vswitchd' | 'switch-database' | 'bgpd' | 'zebra' | 'local-ovn';

/** What readers and writers see of the node. */
export interface View {
  readonly edge: NodeEdge;
  readonly scope: NodeScope;
  readonly devices: Devices;
  /** What the node is believed to hold, for kinds that cannot be listed. */
  readonly believed: { of(kind: NodeObject['kind']): ReadonlyMap<ObjectKey, ObservedObject> };
}

/** One object to put in place or to take away. */
export interface Write<O extends NodeObject = NodeObject> {
  readonly op: 'add' | 'change' | 'remove';
  readonly object: O;
  /** What stands there now; absent for `add`. */
  readonly observed?: ObservedObject;
}

export interface WriteFailure {
  readonly message: string;
  /** True when the node may not hold what is believed of this kind: it must be read again. */
  readonly doubt: boolean;
}

export type WriteResult = WriteFailure | undefined;

export interface Kind<O extends NodeObject = NodeObject> {
  readonly kind: O['kind'];
  /** Where it is read from and written to. */
  readonly concern: Concern;
  /** Nothing foreign of this kind can stand in the way of another kind: what was read of it concerns only itself. */
  readonly selfContained?: true;
  /** Nobody tells of its changes: it is read again at the short interval. */
  readonly unannounced?: true;
  /** What is advertised on top of it may stay while it is missing: without it nothing is announced at all. */
  readonly harmlessWhenMissing?: true;
  /** Cannot be listed, and is read only once somebody wanted it: not being known tells nothing. */
  readonly readWhenWanted?: true;
  /** True when the contents are equal; both have the same key. Pure. */
  same(desired: O, observed: O): boolean;
  /** One line for logs and `plan`. Pure. */
  describe(object: O): string;
  /** Everything of this kind that is ours or stands where something of ours may be wanted. */
  read(view: View, signal?: AbortSignal): Promise<readonly ObservedObject[]>;
  /** One result a write, in their order; throws only when aborted. */
  write(view: View, writes: readonly Write<O>[], signal?: AbortSignal): Promise<readonly WriteResult[]>;
  /** Why what was written does not take effect yet: nothing is advertised on top of it meanwhile. */
  notInEffect?(view: View): string | undefined;
  /** Waits a little until everything that is there takes effect, and tells why it does not; absent: it always does. */
  confirm?(view: View, signal?: AbortSignal): Promise<string | undefined>;
  /** What the node holds after a successful write; absent: the object, owned. */
  written?(object: O): ObservedObject;
}

export function failureOf(error: unknown, doubt: boolean): WriteFailure {
  return { message: error instanceof Error ? error.message : String(error), doubt };
}
