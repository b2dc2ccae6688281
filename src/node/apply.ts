/**
 * Carries a plan out.
 *
 * In: a plan, which holds what it was computed from. Out: one outcome a change, the mirror brought up to date, and the
 * kinds that must be read again because nobody knows what the node holds now.
 *
 * A failing change stops no other. What a daemon has to do that does not answer waits, and so does what requires it. What
 * needs a thing that is not in place is skipped. What is advertised already and lost something that it needs is withdrawn.
 * What could not be withdrawn keeps its wire.
 */
import { contains, hostPrefix, isHostPrefix, type Prefix } from '../base/address.ts';
import type { Answer, Concerns } from './concerns.ts';
import { describe } from './describe.ts';
import { Devices } from './devices.ts';
import { keyOf, kindOfKey } from './keys.ts';
import type { View, Write, WriteFailure } from './kinds/kind.ts';
import { kindNamed } from './kinds/registry.ts';
import type { Mirror } from './mirror.ts';
import type {
  Change,
  ChangeOutcome,
  ChangeProblem,
  DesiredObject,
  NodeObject,
  NodeObjectKind,
  NodePlan,
  ObjectKey,
} from './objects.ts';
import { isAdvertisement } from './ownership.ts';
import { CLEAR, isUnwiring, WITHDRAW, WITHDRAW_BEHIND } from './stages.ts';

export interface ApplyInput {
  readonly plan: NodePlan;
  readonly mirror: Mirror;
  readonly concerns: Concerns;
  /** The devices change while links are made: the picture is replaced through `setDevices`, with what was written. */
  readonly view: () => View;
  readonly setDevices: (devices: Devices, written: ReadonlySet<string>) => void;
  /** Called for every change that was really attempted. */
  readonly onWrite: (kind: NodeObjectKind, key: ObjectKey, failed: boolean) => void;
  readonly onDoubt: (kind: NodeObjectKind, reason: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What a device that goes down and up again may lose. */
const LOST_WHEN_DOWN: readonly NodeObjectKind[] = ['address', 'route', 'neighbor', 'proxy-ndp'];

export async function applyPlan(input: ApplyInput): Promise<ChangeOutcome[]> {
  return new Application(input).run();
}

/** A desired object that is not in place. */
interface Missing {
  readonly message: string;
  /** Somebody who does not answer would have to put it there: nobody knows, and it is no reason to withdraw. */
  readonly waiting: boolean;
  /** Known from before: what needed it was withdrawn then. */
  readonly known: boolean;
}

type Breakage = Pick<Obstacle, 'message' | 'cause'>;

/** Why something that requires others cannot be put in place. */
interface Obstacle {
  readonly message: string;
  readonly cause: ObjectKey;
  readonly waiting: boolean;
}

class Application {
  readonly #input: ApplyInput;
  readonly #outcomes: ChangeOutcome[] = [];
  readonly #missing = new Map<ObjectKey, Missing>();
  /** Prefixes that are advertised although they should not be: single addresses, and wider ones. */
  readonly #standing = { hosts: new Set<Prefix>(), wider: [] as Prefix[] };

  constructor(input: ApplyInput) {
    this.#input = input;
    for (const { key, desired, reason } of input.plan.blocked) {
      // What could not be read may be in place: it is no reason to withdraw.
      if (input.mirror.has(desired.object.kind)) this.#missing.set(key, lacking(reason));
    }
    for (const { key, reason } of input.plan.held) {
      if (input.plan.desired.has(key)) this.#missing.set(key, { ...lacking(reason), known: true });
    }
  }

  async run(): Promise<ChangeOutcome[]> {
    let broken = false;
    for (const stage of this.#input.plan.stages) {
      this.#input.signal?.throwIfAborted();
      if (isUnwiring(stage.name) && !broken) {
        broken = true;
        await this.#withdrawBroken();
      }
      await this.#runStage(stage.name, stage.changes);
    }
    if (!broken) await this.#withdrawBroken();
    return this.#outcomes;
  }

  async #runStage(name: string, changes: readonly Change[]): Promise<void> {
    const obstacles = new Map<ObjectKey, Obstacle | undefined>();
    const ready: Change[] = [];
    for (const change of changes) {
      const problem =
        change.op === 'remove'
          ? this.#reasonToKeep(name, change.observed.object)
          : this.#reasonToWait(change.key, change.desired, obstacles);
      if (problem === undefined) ready.push(change);
      else this.#settle(change, problem);
    }
    for (const [kind, group] of groupByKind(ready)) await this.#write(kind, group);
  }

  async #write(kind: NodeObjectKind, changes: readonly Change[]): Promise<void> {
    const { view, concerns, signal, onWrite, onDoubt } = this.#input;
    const { concern } = kindNamed(kind);
    const write = () => kindNamed(kind).write(view(), changes.map(toWrite), signal);
    const silenceOf = (results: Awaited<ReturnType<typeof write>>): string | undefined =>
      results.find((failure) => failure?.silent === true)?.message;
    let answer: Answer<Awaited<ReturnType<typeof write>>>;
    try {
      answer = await concerns.change(concern, write, silenceOf);
    } catch (error) {
      // Ended in the middle: some of it may be done.
      onDoubt(kind, 'the changes were not completed');
      throw error;
    }
    if (!answer.answered) {
      onDoubt(kind, answer.reason);
      for (const change of changes) this.#settle(change, { code: 'waiting', message: answer.reason });
      return;
    }
    for (const [index, change] of changes.entries()) {
      const failure = answer.value[index];
      onWrite(kind, change.key, failure !== undefined);
      this.#settle(change, failure === undefined ? undefined : problemOf(change, failure));
      if (failure?.doubt === true) onDoubt(kind, failure.message);
    }
    if (kind === 'link' || kind === 'ovs-port') await this.#refreshDevices(changes);
  }

  #settle(change: Change, problem: ChangeProblem | undefined): void {
    const { mirror } = this.#input;
    if (problem !== undefined) {
      this.#outcomes.push({ change, problem });
      if (change.op === 'remove') this.#keepStanding(change.observed.object);
      // Also what could not be cleared away to be made again.
      if (this.#input.plan.desired.has(change.key)) {
        this.#missing.set(change.key, lacking(problem.message, problem.code === 'waiting'));
      }
      return;
    }
    this.#outcomes.push({ change });
    if (change.op === 'remove') {
      const { object } = change.observed;
      mirror.delete(object.kind, change.key);
      if (object.kind === 'link') mirror.dropDevice(object.name);
      if (object.kind === 'ovs-port') {
        mirror.delete(
          'link',
          keyOf({ kind: 'link', name: object.name, link: { type: 'existing' }, up: true }),
        );
        mirror.dropDevice(object.name);
      }
      return;
    }
    this.#missing.delete(change.key);
    const { object } = change.desired;
    if (change.op === 'change') this.#doubtMovedDevice(object, change.observed.object);
    const written = kindNamed(object.kind).written?.(object) ?? { object, owned: true };
    mirror.set(change.key, written);
  }

  /** Changing the VRF of a device takes it down and up: IPv6 addresses, routes and neighbours may be lost on the way. */
  #doubtMovedDevice(desired: NodeObject, observed: NodeObject): void {
    if (desired.kind !== 'link' || observed.kind !== 'link') return;
    const moved = JSON.stringify(desired.link) !== JSON.stringify(observed.link);
    const isOther = desired.link.type === 'existing';
    if ((!moved || isOther) && desired.up === observed.up) return;
    if (!this.#input.mirror.isInUse(desired.name, LOST_WHEN_DOWN)) return;
    for (const kind of LOST_WHEN_DOWN) this.#input.onDoubt(kind, `device ${desired.name} was changed`);
  }

  #keepStanding(object: NodeObject): void {
    if (!isAdvertisement(this.#input.view().scope, object)) return;
    const prefix =
      object.kind === 'address' ? object.prefix : object.kind === 'route' ? object.destination : undefined;
    if (prefix === undefined) return;
    if (isHostPrefix(prefix)) this.#standing.hosts.add(prefix);
    else this.#standing.wider.push(prefix);
  }

  /** While something that should be withdrawn stands, nothing is taken away that its traffic may need. */
  #reasonToKeep(stage: string, object: NodeObject): ChangeProblem | undefined {
    const { hosts, wider } = this.#standing;
    const standing = wider[0] ?? hosts.values().next().value;
    if (stage === WITHDRAW || stage === WITHDRAW_BEHIND || standing === undefined) return undefined;
    const host = stage === CLEAR ? undefined : servedHost(object);
    if (host !== undefined && !hosts.has(host) && !wider.some((prefix) => contains(prefix, host)))
      return undefined;
    return {
      code: 'skipped',
      message: `${standing} could not be withdrawn, and its traffic may need ${describe(object)}`,
    };
  }

  #reasonToWait(
    key: ObjectKey,
    desired: DesiredObject,
    obstacles: Map<ObjectKey, Obstacle | undefined>,
  ): ChangeProblem | undefined {
    // A thing of ours under the same name could not be cleared away.
    const before = desired.object.kind === 'link' ? this.#missing.get(key) : undefined;
    if (before !== undefined) return { code: codeOf(before), message: before.message };
    for (const required of desired.requires) {
      const obstacle = this.#obstacle(required, obstacles);
      if (obstacle === undefined) continue;
      return { code: codeOf(obstacle), message: obstacle.message, cause: obstacle.cause };
    }
    return desired.role === 'advertise' ? this.#notInEffect(desired.requires) : undefined;
  }

  /** What is written may still be on its way to where packets are handled. */
  #notInEffect(required: readonly ObjectKey[]): ChangeProblem | undefined {
    const kinds = new Map(required.map((key) => [kindOfKey(key), key]));
    for (const [kind, cause] of kinds) {
      const message = kindNamed(kind).notInEffect?.(this.#input.view());
      if (message !== undefined) return { code: 'skipped', message, cause };
    }
    return undefined;
  }

  /** Why a required object, or something that it requires itself, is not in place. */
  #obstacle(key: ObjectKey, known: Map<ObjectKey, Obstacle | undefined>): Obstacle | undefined {
    if (known.has(key)) return known.get(key);
    known.set(key, undefined);
    const { mirror, plan } = this.#input;
    const missing = this.#missing.get(key);
    let obstacle: Obstacle | undefined;
    if (missing !== undefined) {
      obstacle = { message: `requires ${key}: ${missing.message}`, cause: key, waiting: missing.waiting };
    } else if (mirror.get(key) === undefined) {
      obstacle = { message: `requires ${key}, which is not in place`, cause: key, waiting: false };
    }
    for (const required of plan.desired.get(key)?.requires ?? []) {
      if (obstacle !== undefined) break;
      obstacle = this.#obstacle(required, known);
    }
    known.set(key, obstacle);
    return obstacle;
  }

  /** Takes back what is advertised and whose wire turned out to be impossible; the caller will want it again. */
  async #withdrawBroken(): Promise<void> {
    const broken = new Set<ObjectKey>();
    for (const [key, { waiting, known }] of this.#missing) {
      if (!waiting && !known && kindNamed(kindOfKey(key)).harmlessWhenMissing !== true) broken.add(key);
    }
    if (broken.size === 0) return;
    const { plan, mirror } = this.#input;
    const changes: Change[] = [];
    const known = new Map<ObjectKey, Breakage | undefined>();
    for (const [key, item] of plan.desired) {
      if (item.role !== 'advertise') continue;
      const observed = mirror.get(key);
      if (observed?.owned !== true) continue;
      const reason = firstReason(item.requires, (required) => this.#breakage(required, broken, known));
      if (reason === undefined) continue;
      changes.push({ op: 'remove', key, observed });
      this.#outcomes.push({
        change: { op: 'add', key, desired: item },
        problem: { code: 'skipped', message: `withdrawn: ${reason.message}`, cause: reason.cause },
      });
    }
    for (const [kind, group] of groupByKind(changes)) await this.#write(kind, group);
  }

  #breakage(
    key: ObjectKey,
    broken: ReadonlySet<ObjectKey>,
    known: Map<ObjectKey, Breakage | undefined>,
  ): Breakage | undefined {
    if (known.has(key)) return known.get(key);
    known.set(key, undefined);
    const reason = broken.has(key)
      ? { message: `requires ${key}: ${this.#missing.get(key)?.message}`, cause: key }
      : firstReason(this.#input.plan.desired.get(key)?.requires ?? [], (required) =>
          this.#breakage(required, broken, known),
        );
    known.set(key, reason);
    return reason;
  }

  async #refreshDevices(changes: readonly Change[]): Promise<void> {
    const written = new Set<string>();
    for (const change of changes) {
      const { object } = change.op === 'remove' ? change.observed : change.desired;
      if (object.kind === 'link' || object.kind === 'ovs-port') written.add(object.name);
    }
    try {
      this.#input.setDevices(new Devices(await this.#input.view().edge.netlink.links()), written);
    } catch (error) {
      this.#input.onDoubt('link', error instanceof Error ? error.message : String(error));
    }
  }
}

function toWrite(change: Change): Write {
  return change.op === 'remove'
    ? { op: 'remove', object: change.observed.object, observed: change.observed }
    : {
        op: change.op,
        object: change.desired.object,
        ...(change.op === 'change' ? { observed: change.observed } : {}),
      };
}

function problemOf(change: Change, failure: WriteFailure): ChangeProblem {
  const object = change.op === 'remove' ? change.observed.object : change.desired.object;
  return {
    code: failure.silent === true ? 'waiting' : 'failed',
    message: `cannot ${change.op} ${describe(object)}: ${failure.message}`,
  };
}

function groupByKind(changes: readonly Change[]): Map<NodeObjectKind, Change[]> {
  const groups = new Map<NodeObjectKind, Change[]>();
  for (const change of changes) {
    const { kind } = change.op === 'remove' ? change.observed.object : change.desired.object;
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [change]);
    else group.push(change);
  }
  return groups;
}

/** The one address that a wire object is for; `undefined`: for more than one. */
function servedHost(object: NodeObject): Prefix | undefined {
  if (object.kind === 'neighbor') return hostPrefix(object.address);
  const prefix =
    object.kind === 'rule' ? object.to : object.kind === 'route' ? object.destination : undefined;
  return prefix !== undefined && isHostPrefix(prefix) ? prefix : undefined;
}

function lacking(message: string, waiting = false): Missing {
  return { message, waiting, known: false };
}

function codeOf({ waiting }: { readonly waiting: boolean }): ChangeProblem['code'] {
  return waiting ? 'waiting' : 'skipped';
}

function firstReason<T>(
  keys: readonly ObjectKey[],
  reasonOf: (key: ObjectKey) => T | undefined,
): T | undefined {
  for (const key of keys) {
    const reason = reasonOf(key);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
