/**
 * The topology as the Northbound database shows it: candidates where the cloud wants them.
 *
 * In: views of the replicated tables, this node's identity, and optionally views of the bindings in the Southbound
 * database. Out: candidates, resolved on request, and the candidates that a change set can alter. A candidate is a root
 * of a query graph, which remembers what was read to resolve it; networks, routers, gateways and subnets are its queries.
 */
import type { ChangeSet, Uuid } from '../ovsdb/types.ts';
import { NorthboundBindings } from './bindings.ts';
import type { BindingsDatabase, BindingsViews, BoundThing } from './bindings-schema.ts';
import { rowsOf } from './changes.ts';
import type { Cms } from './cms.ts';
import { NB_SPACE, NorthboundContext } from './northbound-context.ts';
import { NorthboundLoadBalancers } from './northbound-load-balancers.ts';
import { NorthboundNats } from './northbound-nat.ts';
import { NorthboundNetworks } from './northbound-networks.ts';
import { NorthboundPorts } from './northbound-ports.ts';
import { NorthboundRouters } from './northbound-routers.ts';
import { type NorthboundDatabase, type NorthboundViews, natType, plumbingType } from './northbound-schema.ts';
import {
  type Candidate,
  type CandidateKey,
  candidateKey,
  candidateKind,
  candidateUuid,
  type IncrementalTopology,
  type NodeIdentity,
} from './topology.ts';
import { type Read, tableSpace } from './tracked-views.ts';

export interface NorthboundOptions {
  /** Who fills the database; `auto` by default: told row by row. */
  readonly cms?: Cms;
  /** Bindings of the Southbound database; without them, ports that only it places are nowhere. */
  readonly bindings?: BindingsViews;
  /**
   * Whether what the bindings say of such things is still to come: their places are unknown until then. Must only turn
   * false with a change of the bindings, and true with contents of a snapshot. Default: it is never awaited.
   */
  readonly awaitsBindings?: (what: BoundThing) => boolean;
  /** Health checks count: what they find is read from the bindings. Default: they do not. */
  readonly health?: boolean;
}

export interface NorthboundTopology extends IncrementalTopology<NorthboundDatabase> {
  /** As `affected`, for changes of the bindings. */
  affectedByBindings(changes: ChangeSet<BindingsDatabase>): 'all' | ReadonlySet<CandidateKey>;
}

const PORTS = tableSpace(NB_SPACE, 'Logical_Switch_Port');

export function createNorthboundTopology(
  views: NorthboundViews,
  identity: NodeIdentity,
  options: NorthboundOptions = {},
): NorthboundTopology {
  const { cms = 'auto', bindings, awaitsBindings, health = false } = options;
  return new Northbound(new NorthboundContext(views, identity, cms, bindings, awaitsBindings), health);
}

class Northbound implements NorthboundTopology {
  readonly database = 'northbound';
  readonly #context: NorthboundContext;
  readonly #networks: NorthboundNetworks;
  readonly #routers: NorthboundRouters;
  readonly #ports: NorthboundPorts;
  readonly #nats: NorthboundNats;
  readonly #loadBalancers: NorthboundLoadBalancers;
  /**
   * Router ports and their switch sides are candidates or not by what is around them. All of them are roots, so that a
   * change around them is noticed; these are the ones that were candidates when they were resolved last.
   */
  readonly #attached = new Set<CandidateKey>();
  /** Places were unknown at the last change of the bindings. */
  #awaiting = false;

  constructor(context: NorthboundContext, health: boolean) {
    this.#context = context;
    const bindings = new NorthboundBindings(context);
    this.#networks = new NorthboundNetworks(context);
    this.#routers = new NorthboundRouters(context, this.#networks, bindings);
    this.#ports = new NorthboundPorts(context, this.#networks, this.#routers, bindings);
    this.#nats = new NorthboundNats(context, this.#networks, this.#routers, this.#ports);
    this.#loadBalancers = new NorthboundLoadBalancers(context, this.#routers, this.#ports, health);
  }

  *candidates(): Iterable<CandidateKey> {
    const { raw } = this.#context;
    for (const row of raw.Logical_Switch_Port) {
      const type = plumbingType(row);
      if (type === undefined) yield candidateKey('port', row._uuid);
      else if (type === 'router') yield* this.#ifCandidate(candidateKey('subnet', row._uuid));
    }
    for (const row of raw.Logical_Router_Port) yield* this.#ifCandidate(candidateKey('gateway', row._uuid));
    for (const row of raw.NAT) if (natType(row) !== undefined) yield natKey(row._uuid);
    for (const row of raw.Load_Balancer) yield candidateKey('load-balancer', row._uuid);
  }

  resolve(key: CandidateKey): Candidate | undefined {
    const compute = this.#question(key);
    if (compute === undefined) {
      this.#forget(key);
      return undefined;
    }
    const candidate = this.#context.graph.root(key, compute);
    const kind = candidateKind(key);
    if (kind === 'gateway' || kind === 'subnet') {
      if (candidate === undefined) this.#attached.delete(key);
      else this.#attached.add(key);
    }
    return candidate;
  }

  *companions(port: CandidateKey): Iterable<CandidateKey> {
    for (const root of this.#context.graph.rootsReading(PORTS, candidateUuid(port))) {
      if (root.startsWith('nat:')) yield root as CandidateKey;
    }
  }

  localnets() {
    return this.#networks.localnets();
  }

  affected(changes: ChangeSet<NorthboundDatabase>): 'all' | ReadonlySet<CandidateKey> {
    if (changes.cause === 'snapshot') return this.#everything();
    const ports = changes.changes.Logical_Switch_Port ?? [];
    if (ports.some((change) => rowsOf(change).some(({ type }) => type === 'localnet')))
      this.#networks.forgetLocalnets();
    const keys = this.#touch(this.#context.staleReads(changes));
    const { changed, deleted } = changedCandidates(changes);
    for (const key of changed) this.#addIfCandidate(key, keys);
    for (const key of deleted) this.#forget(key);
    return keys;
  }

  affectedByBindings(changes: ChangeSet<BindingsDatabase>): 'all' | ReadonlySet<CandidateKey> {
    // Unknown places are no reads of rows, so their first rows do not name them.
    const awaited = this.#awaiting;
    this.#awaiting = this.#context.awaitsBindings('port');
    if (changes.cause === 'snapshot' || awaited !== this.#awaiting) return this.#everything();
    return this.#touch(this.#context.staleBindings(changes));
  }

  #everything(): 'all' {
    this.#context.graph.clear();
    this.#networks.forgetLocalnets();
    this.#attached.clear();
    return 'all';
  }

  #touch(reads: Iterable<Read>): Set<CandidateKey> {
    const keys = new Set<CandidateKey>();
    for (const root of this.#context.graph.touch(reads)) this.#addIfCandidate(root as CandidateKey, keys);
    return keys;
  }

  /** How to resolve it; `undefined` for what cannot be a candidate whatever is around it. */
  #question(key: CandidateKey): (() => Candidate | undefined) | undefined {
    const { raw } = this.#context;
    const uuid = candidateUuid(key);
    const kind = candidateKind(key);
    switch (kind) {
      case 'port': {
        const row = raw.Logical_Switch_Port.get(uuid);
        if (row === undefined || plumbingType(row) !== undefined) return undefined;
        return () => this.#ports.workloadPort(row);
      }
      case 'subnet':
        if (raw.Logical_Switch_Port.get(uuid)?.type !== 'router') return undefined;
        return () => this.#routers.subnet(uuid);
      case 'gateway':
        if (raw.Logical_Router_Port.get(uuid) === undefined) return undefined;
        return () => this.#routers.gateway(uuid);
      case 'nat': {
        const row = raw.NAT.get(uuid);
        const type = row === undefined ? undefined : natType(row);
        return row === undefined || type === undefined ? undefined : () => this.#nats.floatingIp(row, type);
      }
      case 'load-balancer': {
        const row = raw.Load_Balancer.get(uuid);
        return row === undefined ? undefined : () => this.#loadBalancers.loadBalancer(row);
      }
      default:
        // A key from outside may be any text.
        kind satisfies never;
        return undefined;
    }
  }

  #forget(key: CandidateKey): void {
    this.#context.graph.forget(key);
    this.#attached.delete(key);
  }

  *#ifCandidate(key: CandidateKey): Iterable<CandidateKey> {
    if (this.#isCandidate(key)) yield key;
  }

  /** A router port that is no candidate and was none cannot be affected. */
  #addIfCandidate(key: CandidateKey, keys: Set<CandidateKey>): void {
    const kind = candidateKind(key);
    const conditional = kind === 'gateway' || kind === 'subnet';
    if (!conditional || this.#attached.has(key) || this.#isCandidate(key)) keys.add(key);
  }

  #isCandidate(key: CandidateKey): boolean {
    try {
      return this.resolve(key) !== undefined;
    } catch {
      // Whoever asks for it will get the exception.
      return true;
    }
  }
}

/** Candidates that stand for changed rows, by what the rows are or were. */
function changedCandidates({ changes }: ChangeSet<NorthboundDatabase>): {
  readonly changed: readonly CandidateKey[];
  readonly deleted: readonly CandidateKey[];
} {
  const changed: CandidateKey[] = [];
  const deleted: CandidateKey[] = [];
  const add = (change: { readonly kind: string }, key: CandidateKey): void => {
    changed.push(key);
    if (change.kind === 'delete') deleted.push(key);
  };
  for (const change of changes.Logical_Switch_Port ?? []) {
    for (const row of rowsOf(change)) {
      const type = plumbingType(row);
      if (type !== 'localnet') add(change, candidateKey(type === 'router' ? 'subnet' : 'port', row._uuid));
    }
  }
  for (const change of changes.Logical_Router_Port ?? [])
    for (const row of rowsOf(change)) add(change, candidateKey('gateway', row._uuid));
  for (const change of changes.NAT ?? [])
    for (const row of rowsOf(change)) if (natType(row) !== undefined) add(change, natKey(row._uuid));
  for (const change of changes.Load_Balancer ?? [])
    for (const row of rowsOf(change)) add(change, candidateKey('load-balancer', row._uuid));
  return { changed, deleted };
}

function natKey(uuid: Uuid): CandidateKey {
  return candidateKey('nat', uuid);
}
