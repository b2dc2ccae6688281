/** What `node/` must know of each kind of thing; one file a kind implements it, `registry.ts` lists them. */
import type { Devices } from '../devices.ts';
import type { NodeEdge } from '../edge.ts';
import type { KernelPace } from '../kernel-pace.ts';
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
  /** How fast the kernel may be written to; absent: as fast as it goes. */
  readonly pace?: KernelPace;
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
  /** Nobody answered: it is not the object's fault. */
  readonly silent?: true;
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
  /** Reading looks at a picture that notifications keep: it always succeeds, and is no sign of life. */
  readonly readsPicture?: true;
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
  const message = error instanceof Error ? error.message : String(error);
  return { message, doubt, ...(isSilence(error) ? { silent: true as const } : {}) };
}

/** True for errors that mean "nobody answered", whichever room they come from. */
export function isSilence(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  return code === 'unreachable' || code === 'timeout' || error.name === 'TimeoutError';
}

/** Writes one after the other; once nobody answers, the rest is not tried. Whatever fails leaves doubt. */
export async function writeEach<O extends NodeObject>(
  writes: readonly Write<O>[],
  signal: AbortSignal | undefined,
  writeOne: (write: Write<O>) => Promise<void>,
): Promise<readonly WriteResult[]> {
  const results: WriteResult[] = [];
  for (const write of writes) {
    const last = results.at(-1);
    if (last?.silent === true) {
      results.push(last);
      continue;
    }
    signal?.throwIfAborted();
    try {
      await writeOne(write);
      results.push(undefined);
    } catch (error) {
      signal?.throwIfAborted();
      results.push(failureOf(error, true));
    }
  }
  return results;
}
