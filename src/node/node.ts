/**
 * The node: what it holds, what to change, and when it was changed by somebody else.
 *
 * `read` fills the mirror, `plan` compares it with what is wanted, `apply` writes and keeps the mirror right, `onDrift`
 * tells which kinds to read again. Reads and writes never overlap. A kind that cannot be read keeps its last picture;
 * one that never could be read is left alone. The wake-up of `onDrift` carries no data: read, plan, apply.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { LocalOvn } from '../localnb/types.ts';
import { applyPlan } from './apply.ts';
import { Concerns } from './concerns.ts';
import { deviceOf } from './device-of.ts';
import { Devices } from './devices.ts';
import { diff } from './diff.ts';
import { reclaimed } from './displaced.ts';
import { DEVICE_KINDS, DriftJudge, KERNEL_KINDS, movedDevices } from './drift.ts';
import type { NodeEdge } from './edge.ts';
import { KernelPace } from './kernel-pace.ts';
import { keyOf } from './keys.ts';
import { readFdb } from './kinds/fdb.ts';
import { flowBridges, readFlows } from './kinds/flow.ts';
import type { View } from './kinds/kind.ts';
import { isRelevantLink } from './kinds/link.ts';
import { ALL_KINDS, kindNamed, sameContents } from './kinds/registry.ts';
import { Mirror } from './mirror.ts';
import type {
  ChangeOutcome,
  DesiredObject,
  NodeObjectKind,
  NodePlan,
  NodeScope,
  ObjectKey,
  ObservedObject,
} from './objects.ts';
import { isHandoverDevice, OTHERS_ROUTES } from './ownership.ts';

export interface NodeOptions {
  readonly clock?: Clock;
  /** How long notifications are gathered before they are judged. */
  readonly settleMs?: number;
  /** Who answers; absent: everybody is waited for, and who does not answer is an error. */
  readonly concerns?: Concerns;
}

/** A kind that could not be read; it stays stale. */
export interface ReadProblem {
  readonly kind: NodeObjectKind;
  readonly message: string;
  /** Whoever knows does not answer; `Concerns` tells when to read again. */
  readonly waiting?: true;
}

/** Totals since the start, by kind. */
export interface NodeCounters {
  readonly reads: ReadonlyMap<NodeObjectKind, number>;
  readonly failedReads: ReadonlyMap<NodeObjectKind, number>;
  readonly writes: ReadonlyMap<NodeObjectKind, number>;
  readonly failedWrites: ReadonlyMap<NodeObjectKind, number>;
  readonly drifts: ReadonlyMap<NodeObjectKind, number>;
}

type Reading =
  | { readonly heard: number | undefined; readonly found: readonly ObservedObject[] }
  | { readonly reason: string };

const SETTLE_MS = 20;

/** Kinds of which nothing is on a bridge. */
const NOT_ON_BRIDGES: ReadonlySet<NodeObjectKind> = new Set(['frr', 'local-row']);

export class Node {
  readonly #edge: NodeEdge;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #concerns: Concerns;
  readonly #mirror = new Mirror();
  readonly #pace: KernelPace;
  readonly #judge: DriftJudge;
  readonly #listeners = new Set<(kinds: ReadonlySet<NodeObjectKind>) => void>();
  readonly #unsubscribe: (() => void)[];
  readonly #stale = new Set<NodeObjectKind>(ALL_KINDS);
  readonly #counters = {
    reads: new Map<NodeObjectKind, number>(),
    failedReads: new Map<NodeObjectKind, number>(),
    writes: new Map<NodeObjectKind, number>(),
    failedWrites: new Map<NodeObjectKind, number>(),
    drifts: new Map<NodeObjectKind, number>(),
  };
  readonly #flowsToCheck = new Set<string>();
  readonly #doubts = new Set<NodeObjectKind>();
  /** When objects were written lately, oldest first. */
  readonly #writtenMs = new Map<ObjectKey, number>();
  /** How often it was heard that a kind is not as believed. */
  readonly #heard = new Map<NodeObjectKind, number>();
  /** Stale kinds that the listeners were told of and nobody has read since. */
  readonly #told = new Set<NodeObjectKind>();
  #scope: NodeScope | undefined;
  #devices = new Devices();
  #queue: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #cancelSettle: (() => void) | undefined;
  #closed = false;

  constructor(edge: NodeEdge, log: Logger, options: NodeOptions = {}) {
    this.#edge = edge;
    this.#log = log;
    this.#clock = options.clock ?? systemClock;
    this.#settleMs = options.settleMs ?? SETTLE_MS;
    this.#concerns = options.concerns ?? new Concerns(log, { patient: true });
    this.#pace = new KernelPace(() => edge.files.readNetlinkListeners(), this.#clock);
    this.#judge = new DriftJudge(
      () => this.#viewIfSet(),
      this.#mirror,
      (key) => this.#isFresh(key),
    );
    this.#unsubscribe = [
      edge.netlink.subscribe(
        (events) => {
          this.#judge.collect(events);
          this.#settleSoon();
        },
        { ignoreRouteProtocols: [...OTHERS_ROUTES] },
      ),
      edge.ovs.subscribe((event) => {
        if (event.kind === 'database') {
          this.#judge.collectPorts();
          this.#concerns.revive('switch-database');
        } else {
          this.#flowsToCheck.add(event.bridge);
          this.#concerns.revive('vswitchd');
        }
        this.#settleSoon();
      }),
      edge.frr.subscribe((event) => {
        if (event !== 'up') return;
        this.#told.delete('frr');
        this.#concerns.revive('bgpd');
        this.#drifted(new Set(['frr']));
      }),
    ];
    if (edge.localOvn !== undefined) this.#unsubscribe.push(this.#followLocalOvn(edge.localOvn));
  }

  /** Must be called before the first `read`. Another scope makes other things visible: the listeners are told to read. */
  setScope(scope: NodeScope): void {
    const before = this.#scope;
    this.#scope = scope;
    this.#edge.ovs.watchFlows(flowBridges(scope));
    if (before === undefined || scopeText(before) === scopeText(scope)) return;
    const known = ALL_KINDS.filter((kind) => this.#mirror.has(kind));
    queueMicrotask(() => this.#tell(known));
  }

  /** Kinds that may differ from what is believed: never read, changed by somebody, or not readable. */
  staleKinds(): ReadonlySet<NodeObjectKind> {
    return this.#stale;
  }

  /** True when a kind was read at least once. */
  knows(kind: NodeObjectKind): boolean {
    return this.#mirror.has(kind);
  }

  /** As set last; throws before that. */
  get scope(): NodeScope {
    return this.#view().scope;
  }

  /** Whether something of the agent's is on a bridge or its VLAN devices; `undefined` while not everything was read. */
  holdsOn(bridge: string): boolean | undefined {
    const kinds = ALL_KINDS.filter((kind) => !NOT_ON_BRIDGES.has(kind));
    if (kinds.some((kind) => !this.#mirror.has(kind) || this.#stale.has(kind))) return undefined;
    const scope = { bridges: [bridge] };
    for (const [, { object, owned }] of this.#mirror.entries()) {
      if (!owned) continue;
      const device = deviceOf(object);
      if (device !== undefined && isHandoverDevice(scope, device)) return true;
      if ('bridge' in object && object.bridge === bridge) return true;
      if (object.kind === 'rt-table' && object.name === bridge) return true;
    }
    return false;
  }

  counters(): NodeCounters {
    return this.#counters;
  }

  /** What is believed to be there. */
  observed(key: ObjectKey): ObservedObject | undefined {
    return this.#mirror.get(key);
  }

  /** Everything of one kind that is believed to be there. */
  observedOf(kind: NodeObjectKind): Iterable<ObservedObject> {
    return this.#mirror.of(kind).values();
  }

  /** Keys of everything of one kind that is believed to be there. */
  observedKeys(kind: NodeObjectKind): Iterable<ObjectKey> {
    return this.#mirror.of(kind).keys();
  }

  /** Why an object is not there, or cannot be relied on: something that it requires is missing, or not in effect yet. */
  lack({ object, requires }: DesiredObject): string | undefined {
    const kinds = new Set<NodeObjectKind>([object.kind]);
    for (const key of [keyOf(object), ...requires]) {
      const found = this.#mirror.get(key);
      if (found === undefined) return `${key} is not in place`;
      kinds.add(found.object.kind);
    }
    for (const kind of kinds) {
      const reason = this.notInEffect(kind);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** Why what was written of a kind does not take effect yet; `undefined`: it does. */
  notInEffect(kind: NodeObjectKind): string | undefined {
    return kindNamed(kind).notInEffect?.(this.#view());
  }

  /** Waits a little until what there is of a kind takes effect; resolves with why it does not. */
  confirm(kind: NodeObjectKind, signal?: AbortSignal): Promise<string | undefined> {
    const record = kindNamed(kind);
    return this.#exclusive(async () => {
      const view = this.#view();
      const confirm = async () => record.confirm?.(view, signal);
      const answer = await this.#concerns.ask(record.concern, undefined, confirm);
      return answer.answered ? answer.value : answer.reason;
    });
  }

  /** Reads the kinds given, or all. One that cannot be read keeps its last picture, and is in the result. */
  read(kinds?: Iterable<NodeObjectKind>, signal?: AbortSignal): Promise<readonly ReadProblem[]> {
    const asked = new Set(kinds ?? ALL_KINDS);
    return this.#exclusive(() => this.#read(asked, signal));
  }

  /**
   * Pure and cheap: with `keys`, only these and what they require are looked at. `hold` says why a change is left for later.
   */
  plan(
    desired: ReadonlyMap<ObjectKey, DesiredObject>,
    keys?: ReadonlySet<ObjectKey>,
    hold?: (key: ObjectKey) => string | undefined,
  ): NodePlan {
    return diff({
      scope: this.#view().scope,
      desired,
      observed: this.#mirror,
      ...(keys === undefined ? {} : { keys }),
      ...(hold === undefined ? {} : { hold }),
      unread: new Set(ALL_KINDS.filter((kind) => !this.#mirror.has(kind))),
    });
  }

  /**
   * Carries out a plan that was made for the node as it is now, or a part of it. Never throws for what single changes meet;
   * throws when aborted. Problems are outcomes; advertisements that had to be withdrawn because of one are outcomes, too.
   */
  apply(plan: NodePlan, signal?: AbortSignal): Promise<ChangeOutcome[]> {
    return this.#exclusive(async () => {
      try {
        return await applyPlan({
          plan,
          mirror: this.#mirror,
          concerns: this.#concerns,
          view: () => this.#view(),
          setDevices: (devices, written) => this.#replaceDevices(devices, written),
          onWrite: (kind, key, failed) => {
            this.#noteWritten(key);
            count(this.#counters.writes, kind);
            if (failed) count(this.#counters.failedWrites, kind);
          },
          onDoubt: (kind) => this.#doubts.add(kind),
          signal,
        });
      } finally {
        await this.#resolveDoubts();
      }
    });
  }

  /**
   * Looks whether a kind of which nobody sends events is as believed, and tells if not; for kinds that are quick to read.
   * Without effect while something else goes on, where nothing of the kind is believed to be there, or where nobody answers.
   */
  async look(kind: NodeObjectKind, signal?: AbortSignal): Promise<void> {
    if (this.#busy > 0 || this.#closed || this.#stale.has(kind) || this.#mirror.of(kind).size === 0) return;
    await this.#exclusive(async () => {
      const found = new Mirror();
      try {
        const reading = await this.#ask(kind, signal);
        if ('reason' in reading) return;
        found.replace(kind, reading.found);
      } catch (error) {
        // The next read says so to whoever waits for it.
        this.#log.debug({ kind, error: String(error) }, 'cannot be looked at');
        return;
      }
      if (!agrees(this.#mirror.of(kind), found.of(kind))) this.#drifted(new Set([kind]));
    });
  }

  /** Calls back with the kinds to read again; also when only some of the node's notifications were lost. */
  onDrift(listener: (kinds: ReadonlySet<NodeObjectKind>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#cancelSettle?.();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#listeners.clear();
  }

  async #read(asked: ReadonlySet<NodeObjectKind>, signal?: AbortSignal): Promise<readonly ReadProblem[]> {
    const kinds = new Set(asked);
    const problems: ReadProblem[] = [];
    // Nothing has a name without the devices.
    if (KERNEL_KINDS.some((kind) => kinds.has(kind)) && (this.#stale.has('link') || kinds.has('link'))) {
      kinds.add('link');
      try {
        const missed = await this.#readDevices();
        if (missed) for (const kind of DEVICE_KINDS) kinds.add(kind);
      } catch (error) {
        signal?.throwIfAborted();
        for (const kind of KERNEL_KINDS) {
          if (kinds.delete(kind)) problems.push(this.#unreadable(kind, error));
        }
      }
    }
    for (const kind of ALL_KINDS) {
      if (!kinds.has(kind)) continue;
      signal?.throwIfAborted();
      try {
        // Cleared before: what changes while it is read makes it stale again.
        this.#stale.delete(kind);
        this.#told.delete(kind);
        const reading = await this.#ask(kind, signal);
        if ('reason' in reading) {
          this.#stale.add(kind);
          problems.push({ kind, message: reading.reason, waiting: true });
          continue;
        }
        const believed = (each: ObjectKey): ObservedObject | undefined => this.#mirror.get(each);
        this.#mirror.replace(kind, reclaimed(this.#view().scope, believed, reading.found));
        count(this.#counters.reads, kind);
        // It took so long that something was heard of it meanwhile.
        if (reading.heard !== this.#heard.get(kind)) queueMicrotask(() => this.#drifted(new Set([kind])));
      } catch (error) {
        this.#stale.add(kind);
        signal?.throwIfAborted();
        problems.push(this.#unreadable(kind, error));
      }
    }
    return problems;
  }

  async #ask(kind: NodeObjectKind, signal: AbortSignal | undefined): Promise<Reading> {
    const record = kindNamed(kind);
    const view = this.#view();
    const reading = async (): Promise<Reading> => {
      const heard = this.#heard.get(kind);
      return { heard, found: await record.read(view, signal) };
    };
    if (record.readsPicture === true) return await reading();
    const answer = await this.#concerns.ask(record.concern, `read ${kind}`, reading);
    return answer.answered ? answer.value : { reason: answer.reason };
  }

  /** True when a device of ours is another one than before, though no event said so. */
  async #readDevices(): Promise<boolean> {
    const before = this.#devices;
    this.#replaceDevices(new Devices(await this.#edge.netlink.links()));
    const { scope } = this.#view();
    return [...before.all()].some(
      (link) => isRelevantLink(scope, link) && this.#devices.named(link.name)?.index !== link.index,
    );
  }

  /**
   * Takes over a new picture of the devices. It may be ahead of the events, which will then agree with it: what somebody
   * else changed in between is told here, or nobody would learn of it.
   */
  #replaceDevices(devices: Devices, written: ReadonlySet<string> = new Set()): void {
    const moved = [...movedDevices(this.#view().scope, this.#devices, devices)];
    this.#devices = devices;
    if (!this.#mirror.has('link') || moved.every((name) => written.has(name))) return;
    queueMicrotask(() => this.#drifted(new Set(['link', 'ovs-port', ...DEVICE_KINDS])));
  }

  #unreadable(kind: NodeObjectKind, error: unknown): ReadProblem {
    this.#stale.add(kind);
    count(this.#counters.failedReads, kind);
    const message = error instanceof Error ? error.message : String(error);
    this.#log.debug({ kind, err: error }, 'the node cannot be read here; the last picture is kept');
    return { kind, message };
  }

  /** After a failed write nobody knows what is there: looks again, and tells when it is not what was believed. */
  async #resolveDoubts(): Promise<void> {
    const doubts = new Set(this.#doubts);
    this.#doubts.clear();
    if (doubts.size === 0 || this.#closed) return;
    const before = new Map([...doubts].map((kind) => [kind, new Map(this.#mirror.of(kind))]));
    await this.#read(doubts);
    const wrong = [...doubts].filter((kind) => !agrees(before.get(kind), this.#mirror.of(kind)));
    if (wrong.length > 0) queueMicrotask(() => this.#drifted(new Set(wrong)));
  }

  #settleSoon(): void {
    if (this.#busy > 0 || this.#cancelSettle !== undefined || this.#closed) return;
    if (!this.#judge.hasWork() && this.#flowsToCheck.size === 0) return;
    this.#cancelSettle = this.#clock.after(this.#settleMs, () => {
      // A timer that is late runs before the notifications that came meanwhile: those first.
      const next = setImmediate(() => this.#settle());
      this.#cancelSettle = () => clearImmediate(next);
    });
  }

  #settle(): void {
    this.#cancelSettle = undefined;
    if (this.#busy > 0) return;
    const kinds = this.#judge.judge();
    if (kinds.size > 0) this.#drifted(kinds);
    this.#checkFlows();
    this.#settleSoon();
  }

  #noteWritten(key: ObjectKey): void {
    const now = this.#clock.now();
    for (const [oldest, writtenMs] of this.#writtenMs) {
      if (now - writtenMs < this.#settleMs) break;
      this.#writtenMs.delete(oldest);
    }
    this.#writtenMs.delete(key);
    this.#writtenMs.set(key, now);
  }

  /** Written a moment ago: what is notified of it may be older than that. */
  #isFresh(key: ObjectKey): boolean {
    const writtenMs = this.#writtenMs.get(key);
    return writtenMs !== undefined && this.#clock.now() - writtenMs < this.#settleMs;
  }

  /** Flow notifications carry no data and come for the agent's own bundles, too: the bridge is asked. */
  #checkFlows(): void {
    if (this.#flowsToCheck.size === 0 || this.#stale.has('flow')) {
      this.#flowsToCheck.clear();
      return;
    }
    const bridges = [...this.#flowsToCheck];
    this.#flowsToCheck.clear();
    const kinds = this.#vswitchdKinds();
    /** True when something is not as believed; nothing is written to vswitchd meanwhile. */
    const differs = async (): Promise<boolean> => {
      const view = this.#viewIfSet();
      if (view === undefined) return false;
      for (const bridge of bridges.filter((name) => flowBridges(view.scope).includes(name))) {
        const found = new Mirror();
        found.replace('flow', await readFlows(view, bridge, undefined));
        if (kinds.includes('fdb')) found.replace('fdb', await readFdb(view, bridge, undefined));
        const same = kinds.every((kind) => agrees(this.#onBridge(kind, bridge), found.of(kind)));
        if (!same) return true;
      }
      return false;
    };
    void this.#compareFlows(kinds, differs);
  }

  async #compareFlows(kinds: readonly NodeObjectKind[], differs: () => Promise<boolean>): Promise<void> {
    // A bridge that cannot be asked is one that cannot be trusted.
    const answer = await this.#concerns
      .ask('vswitchd', undefined, differs)
      .catch(() => ({ answered: true, value: true }) as const);
    if (!answer.answered) for (const kind of kinds) this.#stale.add(kind);
    else if (answer.value) this.#drifted(new Set(kinds));
  }

  /** What ovs-vswitchd keeps in memory only: what lost the one has lost the other. */
  #vswitchdKinds(): readonly NodeObjectKind[] {
    return this.#scope?.flowBridges === undefined ? ['flow'] : ['flow', 'fdb'];
  }

  #onBridge(kind: NodeObjectKind, bridge: string): ReadonlyMap<ObjectKey, ObservedObject> {
    return new Map(
      [...this.#mirror.of(kind)].filter(([, { object }]) => 'bridge' in object && object.bridge === bridge),
    );
  }

  #followLocalOvn(localOvn: LocalOvn): () => void {
    return localOvn.subscribe((event) => {
      this.#concerns.revive('local-ovn');
      // What waited for an effect is looked at again; nobody changed anything.
      if (event === 'in-effect') this.#tell(['local-row']);
      else {
        this.#judge.collectLocalRows();
        this.#settleSoon();
      }
    });
  }

  #drifted(kinds: ReadonlySet<NodeObjectKind>): void {
    const news = this.#tell(kinds);
    for (const kind of news) count(this.#counters.drifts, kind);
    if (news.size > 0) this.#log.info({ kinds: [...news] }, 'the node was changed by somebody else');
  }

  /** Marks kinds stale and says so, unless that was said and nobody has read since; returns the news. */
  #tell(kinds: Iterable<NodeObjectKind>): ReadonlySet<NodeObjectKind> {
    for (const kind of kinds) count(this.#heard, kind);
    const news = new Set([...kinds].filter((kind) => !this.#told.has(kind) && !this.#closed));
    for (const kind of news) {
      this.#stale.add(kind);
      this.#told.add(kind);
    }
    if (news.size > 0) for (const listener of this.#listeners) listener(news);
    return news;
  }

  /** Runs one operation at a time; what is notified meanwhile is judged after it. */
  async #exclusive<T>(operation: () => Promise<T>): Promise<T> {
    const before = this.#queue;
    let done = (): void => undefined;
    this.#queue = new Promise<void>((resolve) => {
      done = resolve;
    });
    await before;
    this.#busy += 1;
    try {
      return await operation();
    } finally {
      this.#busy -= 1;
      done();
      this.#settleSoon();
    }
  }

  #view(): View {
    const view = this.#viewIfSet();
    if (view === undefined) throw new Error('the scope of the node is not set');
    return view;
  }

  #viewIfSet(): View | undefined {
    if (this.#scope === undefined) return undefined;
    return {
      edge: this.#edge,
      scope: this.#scope,
      devices: this.#devices,
      believed: this.#mirror,
      pace: this.#pace,
    };
  }
}

function scopeText(scope: NodeScope): string {
  const sets = (_key: string, value: unknown): unknown =>
    value instanceof Set ? [...value].map(String).sort() : value;
  return JSON.stringify(scope, sets);
}

function count(counters: Map<NodeObjectKind, number>, kind: NodeObjectKind): void {
  counters.set(kind, (counters.get(kind) ?? 0) + 1);
}

/** True when what was found is what was believed; foreign things that come into view are no surprise. */
function agrees(
  believed: ReadonlyMap<ObjectKey, ObservedObject> | undefined,
  found: ReadonlyMap<ObjectKey, ObservedObject>,
): boolean {
  for (const [key, { object, owned }] of found) {
    const other = believed?.get(key);
    if (other === undefined ? owned : other.owned !== owned || !sameContents(object, other.object))
      return false;
  }
  for (const key of believed?.keys() ?? []) if (!found.has(key)) return false;
  return true;
}
