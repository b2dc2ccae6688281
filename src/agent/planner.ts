/**
 * The pure stages put in a row and kept up to date: candidates -> exposures -> desired objects.
 *
 * In: the topology, the facts of this node, and what changed. Out: the desired state and the keys that may differ from
 * before. A change of one row costs the candidates that it affects; a change of the node's facts wires everything
 * again. Nothing here reads or writes the node.
 */
import type { Prefix } from '../base/address.ts';
import type { AgentConfig } from '../config/types.ts';
import { evaluateCandidate } from '../exposures/evaluate.ts';
import { hasServiceTags } from '../exposures/provider-network.ts';
import { addressesOf } from '../exposures/subject.ts';
import type { Denial, Exposure, ExposurePolicy, Verdict } from '../exposures/types.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, NodeObjectKind, ObjectKey, ObservedObject } from '../node/objects.ts';
import {
  type Candidate,
  type CandidateKey,
  candidateKind,
  type Localnet,
  type Topology,
} from '../ovn/topology.ts';
import { restoredSettings } from '../wiring/restored-settings.ts';
import type { ExposingMethodWiring, NodeFacts, Pending, Wiring, WiringInput } from '../wiring/types.ts';
import { AssumedPlaces } from './assumed-places.ts';
import { DesiredState } from './desired-state.ts';
import { ExposureState } from './exposure-state.ts';
import { HeldObjects, type Loss } from './held-objects.ts';
import { LastMacs } from './last-macs.ts';
import type { MigrationGrace } from './migration-grace.ts';
import { AllNeeds } from './needs/all-needs.ts';
import { affectedByNeeds, differInNeedsOnly } from './needs/changed-needs.ts';
import { takesNeeded } from './needs/takes-needed.ts';

const BASE = 'base';
/** Sorts before every other contributor: where it and another one want the same thing otherwise, what stands counts. */
const KEPT = '!kept';
/** Sorts behind what is held: settings of a bridge go back when nobody wants anything of it any more. */
const RESTORED = '~restored';

/**
 * Why things are worked out anew other than for changed rows: the database was read anew, it is another one or read for
 * another chassis, another text of ovn-bridge-mappings, other settings of the node.
 */
export type Upheaval = 'snapshot' | 'source' | 'mappings' | 'settings';

const NO_LOSS: Loss = { objects: new Map(), prefixes: new Set() };

/** What is exposed no more, and why. */
export interface Withdrawal {
  readonly exposure: Exposure;
  readonly because: string;
}

/** What one computation changed. */
export interface PlanningStep {
  /** Empty: only rows changed, or what the node itself is like. */
  readonly causes: ReadonlySet<Upheaval>;
  /** What is not wanted any more, where there are causes; it belongs to this very step. */
  readonly loss: Loss;
  /** Keys to compare with the node; `all` after a change of the facts. */
  readonly touched: ReadonlySet<ObjectKey> | 'all';
  readonly exposed: readonly Exposure[];
  readonly withdrawn: readonly Withdrawal[];
  readonly denied: readonly Denial[];
}

export class Planner {
  readonly #config: AgentConfig;
  readonly #method: ExposingMethodWiring;
  readonly #grace: MigrationGrace;
  readonly #exposures = new ExposureState();
  readonly #assumed = new AssumedPlaces();
  readonly #needs = new AllNeeds();
  readonly #desired = new DesiredState();
  /** What is wanted on although this planner does not want it any more. */
  readonly held = new HeldObjects(this.#desired, (item) => takesNeeded(item, this.#needs.all));
  readonly #pending = new Map<string, readonly Pending[]>();
  readonly #lastMacs = new LastMacs();
  #topology: Topology | undefined;
  #facts: NodeFacts | undefined;
  #localnets: readonly Localnet[] = [];
  /** The list that they were taken from. */
  #toldLocalnets: readonly Localnet[] | undefined;
  #dirty = new Set<CandidateKey>();
  #everything = true;
  #rewire = true;
  #causes = new Set<Upheaval>();

  constructor(config: AgentConfig, method: ExposingMethodWiring, grace: MigrationGrace) {
    this.#config = config;
    this.#method = method;
    this.#grace = grace;
  }

  get desired(): ReadonlyMap<ObjectKey, DesiredObject> {
    return this.#desired.objects;
  }

  desiredKeys(kind: NodeObjectKind): Iterable<ObjectKey> {
    return this.#desired.keysOfKind(kind);
  }

  get exposures(): ReadonlyMap<Prefix, Exposure> {
    return this.#exposures.exposures;
  }

  denials(): Iterable<Denial> {
    return this.#exposures.denials();
  }

  /** Prefixes that are to be announced. */
  wantedCount(): number {
    let count = 0;
    for (const { announce } of this.#exposures.exposures.values()) if (announce) count += 1;
    return count;
  }

  /** Of those, the ones for which something is missing that somebody else makes. */
  waitingCount(): number {
    let count = 0;
    for (const contributor of this.#pending.keys()) {
      if (this.#exposures.exposures.get(contributor as Prefix)?.announce === true) count += 1;
    }
    return count;
  }

  /** The addresses that a candidate would be exposed with; for messages. */
  addressesOf(key: CandidateKey): readonly string[] {
    try {
      const candidate = this.#topology?.resolve(key);
      return candidate === undefined ? [] : addressesOf(candidate);
    } catch {
      // Its own denial says what is wrong with it.
      return [];
    }
  }

  /** Keys of the objects that announce an exposure on this node; none while something is missing for it. */
  advertisedBy(exposure: Exposure): readonly ObjectKey[] {
    if (this.#facts === undefined) return [];
    const { objects } = this.#method.expose(exposure, { config: this.#config, facts: this.#facts });
    return objects.flatMap(({ object, role }) => (role === 'advertise' ? [keyOf(object)] : []));
  }

  /** What is wanted but waits for something; sorted by subject. */
  pending(): Pending[] {
    return [...this.#pending.values(), this.#assumed.pending()].flat();
  }

  get facts(): NodeFacts | undefined {
    return this.#facts;
  }

  get localnets(): readonly Localnet[] {
    return this.#localnets;
  }

  /** Wants these objects besides, in place of those of the last call; returns the keys that may differ now. */
  keep(objects: readonly DesiredObject[]): ReadonlySet<ObjectKey> {
    const touched = new Set<ObjectKey>();
    this.#put(KEPT, { objects, pending: [] }, touched);
    return touched;
  }

  /**
   * Keeps, of the exposures whose place is not known yet, those that stand on the node; true when there are such, and
   * another `step` is due. Costs nothing when no new one waits.
   */
  keepStanding(isObserved: (key: ObjectKey) => boolean): boolean {
    const facts = this.#facts;
    if (facts === undefined) return false;
    const input = { config: this.#config, facts };
    const found = this.#assumed.recognise((exposure) => {
      // What stands for somebody else tells nothing of this one.
      if (this.#exposures.exposures.has(exposure.prefix)) return false;
      return this.#method
        .expose(exposure, input)
        .objects.some(
          ({ object, role }) => (role === 'advertise' || object.kind === 'rule') && isObserved(keyOf(object)),
        );
    });
    this.markDirty(found);
    return found.length > 0;
  }

  /** Looks in what stands from before a start for what rows no longer say; true when another `step` is due. */
  recall(neighbours: Iterable<ObservedObject>): boolean {
    const found = this.#lastMacs.recall(neighbours);
    this.markDirty(found);
    return found.length > 0;
  }

  /** Another topology (first contents, another identity of the node): everything is evaluated again. */
  setTopology(topology: Topology): void {
    if (this.#topology !== undefined) this.#causes.add('source');
    this.#topology = topology;
    this.#everything = true;
  }

  setFacts(facts: NodeFacts): void {
    const before = this.#facts;
    this.#facts = facts;
    if (before !== undefined && differInNeedsOnly(before, facts)) return;
    this.#rewire = true;
    const remapped = JSON.stringify(before?.bridgeMappings) !== JSON.stringify(facts.bridgeMappings);
    if (remapped) this.#everything = true;
    if (before === undefined) return;
    if (remapped) this.#causes.add('mappings');
    else if (settingsText(before) !== settingsText(facts)) this.#causes.add('settings');
  }

  /** These candidates may have another verdict now; with a cause if not because single rows changed. */
  markDirty(candidates: 'all' | Iterable<CandidateKey>, cause?: Upheaval): void {
    if (cause !== undefined) this.#causes.add(cause);
    if (candidates === 'all') this.#everything = true;
    else for (const key of candidates) this.#dirty.add(key);
  }

  /** The grace period of this port is over: it and its floating IPs may have another verdict now. */
  graceEnded(port: CandidateKey): void {
    this.markDirty([port, ...(this.#topology?.companions(port) ?? [])]);
  }

  /** Brings exposures and desired objects up to date; `undefined` while the topology or the facts are unknown. */
  step(): PlanningStep | undefined {
    if (this.#topology === undefined || this.#facts === undefined) return undefined;
    const topology = this.#topology;
    const causes = this.#causes;
    this.#causes = new Set();
    if (causes.size > 0) this.held.begin();
    const before = this.#needs.all;
    this.#needs.update(this.#facts.needs, topology.tunnelEndpoints?.());
    this.markDirty(affectedByNeeds(before, this.#needs.all, this.#exposures.verdicts()));
    const input = { config: this.#config, facts: this.#facts };
    const policy = this.#policy(this.#facts);
    const keys = this.#everything
      ? new Set([...this.#exposures.candidates(), ...topology.candidates()])
      : this.#dirty;
    const delta = this.#exposures.update(this.#evaluate(keys, topology, policy));

    const touched = new Set<ObjectKey>();
    this.#wireBase(topology, input, touched);
    const rewired = this.#rewire ? this.#exposures.exposures.values() : delta.exposed;
    for (const exposure of delta.withdrawn) this.#put(exposure.prefix, undefined, touched);
    for (const exposure of rewired) this.#put(exposure.prefix, this.#method.expose(exposure, input), touched);

    const loss = causes.size > 0 ? this.held.loss([KEPT]) : NO_LOSS;
    // After the loss: what goes back is no longer wanted as it was.
    if (this.#rewire) this.#put(RESTORED, restoredSettings(this.#facts.formerBridges ?? []), touched);
    const all = this.#rewire;
    this.#dirty = new Set();
    this.#everything = false;
    this.#rewire = false;
    return {
      causes,
      loss,
      touched: all ? 'all' : touched,
      exposed: delta.exposed,
      withdrawn: delta.withdrawn.map((exposure) => ({
        exposure,
        because: this.#exposures.whyNot(exposure),
      })),
      denied: delta.denied,
    };
  }

  /** What does not depend on single addresses; a cloud may have thousands of localnet ports, which hardly ever change. */
  #wireBase(topology: Topology, input: WiringInput, touched: Set<ObjectKey>): void {
    const told = topology.localnets();
    if (!this.#rewire && told === this.#toldLocalnets) return;
    this.#toldLocalnets = told;
    const localnets = told.filter((localnet) => !hasServiceTags(localnet));
    if (this.#rewire || !sameLocalnets(localnets, this.#localnets)) {
      this.#put(BASE, this.#method.base(input, localnets), touched);
    }
    this.#localnets = localnets;
  }

  *#evaluate(
    keys: Iterable<CandidateKey>,
    topology: Topology,
    policy: ExposurePolicy,
  ): Iterable<readonly [CandidateKey, Verdict]> {
    const others: CandidateKey[] = [];
    for (const key of keys) {
      if (candidateKind(key) !== 'port') {
        others.push(key);
        continue;
      }
      const observe = (candidate: Candidate | undefined): void =>
        this.#grace.observe(key, candidate?.kind === 'port' ? candidate.residence : undefined);
      yield [key, this.#verdict(key, topology, policy, observe)];
    }
    // Decisions on floating IPs ask whether their port is in its grace period.
    for (const key of others) {
      const observe = (candidate: Candidate | undefined): void => {
        this.#lastMacs.observe(key, candidate);
      };
      yield [key, this.#verdict(key, topology, policy, observe)];
    }
  }

  #verdict(
    key: CandidateKey,
    topology: Topology,
    policy: ExposurePolicy,
    observe: (candidate: Candidate | undefined) => void,
  ): Verdict {
    const verdict = evaluateCandidate(key, topology, policy, observe);
    return this.#assumed.admit(key, verdict, this.#exposures.exposures);
  }

  #policy(facts: NodeFacts): ExposurePolicy {
    return {
      bridgeMappings: [...facts.bridgeMappings, ...(facts.excludedMappings ?? [])],
      allowedPrefixes: this.#config.allowedPrefixes,
      proxyNdpAddresses: this.#config.proxyNdpAddresses,
      graced: this.#grace.graced,
      lastMacs: this.#lastMacs.macs,
      tenant: this.#config.tenant,
      exposeUnmarked: this.#config.exposeUnmarked,
      exposeExternal: this.#config.exposeExternalPorts,
      needs: this.#needs.all,
    };
  }

  #put(contributor: string, wiring: Wiring | undefined, touched: Set<ObjectKey>): void {
    const objects = wiring?.objects ?? [];
    this.held.note(contributor);
    this.#desired.replace(
      contributor,
      objects.map((desired) => [keyOf(desired.object), desired] as const),
      touched,
    );
    if (wiring === undefined || wiring.pending.length === 0) this.#pending.delete(contributor);
    else this.#pending.set(contributor, wiring.pending);
  }
}

/** What somebody set, as against what the node is like: a bridge that is gone is gone. */
function settingsText({ tables, integrationBridge, localOvn }: NodeFacts): string {
  return JSON.stringify([[...tables], integrationBridge, localOvn?.mappings, localOvn?.integrationBridge]);
}

function sameLocalnets(a: readonly Localnet[], b: readonly Localnet[]): boolean {
  return (
    a.length === b.length &&
    a.every((localnet, index) => {
      const other = b[index];
      return (
        localnet.name === other?.name &&
        localnet.tag === other.tag &&
        localnet.physicalNetwork === other.physicalNetwork
      );
    })
  );
}
