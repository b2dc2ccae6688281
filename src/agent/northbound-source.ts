/**
 * The Northbound database with, where that does not tell where things are, the bindings of the Southbound one.
 *
 * In: configuration, where the databases are, this node's identity. Out: the topology and what changed. The second
 * replica is opened when the first contents, or a later change, hold a row that only it can place, and stays open from
 * then on. The first contents are complete when both are there, or when the Southbound database lets itself be waited
 * for: until it tells something, what only it places counts as unknown. Later changes of either are told as they come. A
 * lost connection changes nothing: the replica keeps its contents.
 */
import type { Clock } from '../base/clock.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { type BindingsQuestion, needsBindings } from '../ovn/bindings.ts';
import { BINDINGS, type BindingsDatabase, type BoundThing } from '../ovn/bindings-schema.ts';
import { rowsOf } from '../ovn/changes.ts';
import { createNorthboundTopology, type NorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND, type NorthboundDatabase } from '../ovn/northbound-schema.ts';
import type { NodeIdentity } from '../ovn/topology.ts';
import type { ChangeSet, OvsdbClient, Replica } from '../ovsdb/index.ts';
import { troublesOf } from './await-database.ts';
import type { OvnSource, OvnSourceEvents } from './source.ts';

export interface NorthboundClients {
  readonly northbound: OvsdbClient;
  /** Not started; absent: nothing says where the Southbound database is. */
  readonly southbound: OvsdbClient | undefined;
}

/** Both databases of a cloud that is well answer within this time: nothing is then told as unknown for a moment. */
const PATIENCE_MS = 3_000;

export class NorthboundSource implements OvnSource {
  readonly remotes: string;
  readonly bindingsRemotes: string | undefined;
  readonly topology: NorthboundTopology;
  readonly #southboundProblem: string | undefined;
  readonly #config: AgentConfig;
  readonly #clients: NorthboundClients;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #events: OvnSourceEvents;
  readonly #northbound: Replica<NorthboundDatabase>;
  readonly #southbound: Replica<BindingsDatabase> | undefined;
  /** Whether something needs the bindings; stays true. */
  #needed = false;
  #complete = false;
  readonly #whenComplete: Promise<void>;
  #resolveComplete: () => void = () => undefined;
  readonly #closed = new AbortController();
  #patience: (() => void) | undefined;

  constructor(
    config: AgentConfig,
    clients: NorthboundClients,
    places: {
      readonly northbound: string;
      readonly southbound: string | undefined;
      readonly southboundProblem: string | undefined;
    },
    identity: NodeIdentity,
    { log, clock }: { readonly log: Logger; readonly clock: Clock },
    events: OvnSourceEvents,
  ) {
    this.#clock = clock;
    this.remotes = places.northbound;
    this.bindingsRemotes = places.southbound;
    this.#southboundProblem = places.southboundProblem;
    this.#config = config;
    this.#clients = clients;
    this.#log = log;
    this.#events = events;
    this.#whenComplete = new Promise((resolve) => {
      this.#resolveComplete = resolve;
    });
    this.#northbound = clients.northbound.replicate(NORTHBOUND);
    this.#southbound = clients.southbound?.replicate(BINDINGS);
    this.topology = createNorthboundTopology(this.#northbound.tables, identity, {
      cms: config.cms,
      ...(this.#southbound === undefined ? {} : { bindings: this.#southbound.tables }),
      awaitsBindings: (what) => this.#awaitsBindings(what),
      health: !config.exposeOfflineLoadBalancers,
    });
    this.#northbound.subscribe((changes) => this.#northboundChanged(changes));
    this.#southbound?.subscribe((changes) => this.#southboundChanged(changes));
    clients.northbound.start();
  }

  get synchronized(): boolean {
    const bound = !this.#needed || this.#southbound === undefined || this.#southbound.synchronized;
    return this.#northbound.synchronized && bound;
  }

  troubles(): readonly DatabaseTrouble[] {
    const { northbound, southbound } = this.#clients;
    return troublesOf(this.#needed && southbound !== undefined ? [northbound, southbound] : [northbound]);
  }

  async whenSynchronized(signal?: AbortSignal): Promise<void> {
    if (this.#complete) return;
    const ended = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
    ended.throwIfAborted();
    let onAbort: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(ended.reason as Error);
      ended.addEventListener('abort', onAbort);
    });
    try {
      await Promise.race([this.#whenComplete, aborted]);
    } finally {
      ended.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.#patience?.();
    this.#closed.abort(new Error('the OVN source is closed'));
    await Promise.all([this.#clients.northbound.close(), this.#clients.southbound?.close()]);
  }

  #northboundChanged(changes: ChangeSet<NorthboundDatabase>): void {
    // First: what only the bindings place must not be taken to be nowhere.
    if (!this.#needed && this.#asksForBindings(changes)) this.#openBindings();
    const affected = this.topology.affected(changes);
    if (this.#complete) this.#events.changed(affected, changes.cause);
    else this.#checkComplete();
  }

  #southboundChanged(changes: ChangeSet<BindingsDatabase>): void {
    const affected = this.topology.affectedByBindings(changes);
    if (this.#complete) this.#events.changed(affected, changes.cause);
    else this.#checkComplete();
  }

  /** A Southbound database without a single binding has told nothing: ovn-northd makes one for each port. */
  #awaitsBindings(what: BoundThing): boolean {
    if (!this.#needed || (what === 'gateway' && this.#gatewaysTold)) return false;
    return (this.#southbound?.tables.Port_Binding.size ?? 0) === 0;
  }

  get #gatewaysTold(): boolean {
    return this.#northbound.has('Logical_Router_Port', 'status');
  }

  #asksForBindings(changes: ChangeSet<NorthboundDatabase>): boolean {
    if (!this.#config.exposeOfflineLoadBalancers) return true;
    const question: BindingsQuestion = {
      cms: this.#config.cms,
      gatewaysTold: this.#gatewaysTold,
      external: this.#config.exposeExternalPorts,
    };
    if (changes.cause === 'snapshot') {
      const { Logical_Switch_Port: ports, Logical_Router_Port: routerPorts } = this.#northbound.tables;
      return needsBindings({ ports, routerPorts }, question);
    }
    const { Logical_Switch_Port: ports = [], Logical_Router_Port: routerPorts = [] } = changes.changes;
    return needsBindings(
      { ports: ports.flatMap(rowsOf), routerPorts: routerPorts.flatMap(rowsOf) },
      question,
    );
  }

  #openBindings(): void {
    this.#needed = true;
    const why = this.#config.exposeOfflineLoadBalancers
      ? 'the Northbound database has ports whose place only the Southbound database tells (plain OVN, or OVN before 23.09)'
      : 'only the Southbound database tells what health checks of load balancers find';
    const { southbound } = this.#clients;
    if (southbound === undefined) {
      this.#log.warn(
        { problem: this.#southboundProblem },
        `${why}, and that cannot be read; until it can, what stands for them is kept, and nothing new is announced`,
      );
      return;
    }
    this.#log.info({ remotes: this.bindingsRemotes }, `${why}; reading that too`);
    southbound.start();
    this.#patience = this.#clock.after(PATIENCE_MS, () => this.#runOutOfPatience());
  }

  #runOutOfPatience(): void {
    this.#patience = undefined;
    if (this.#southbound?.populated === true) return;
    this.#log.warn(
      { remotes: this.bindingsRemotes },
      'no answer from the Southbound database: what stands for ports that only it places is kept, new ones wait',
    );
    if (!this.#complete) this.#checkComplete();
  }

  #checkComplete(): void {
    const answered = this.#southbound === undefined || this.#southbound.populated;
    if (!this.#northbound.populated || (this.#needed && !answered && this.#patience !== undefined)) return;
    this.#complete = true;
    this.#resolveComplete();
  }
}
