/**
 * The Northbound database with, where that does not tell where things are, the bindings of the Southbound one.
 *
 * In: configuration, where the databases are, this node's identity. Out: the topology and what changed. The second
 * replica is opened when the first contents, or a later change, hold a row that only it can place, and stays open from
 * then on. The first contents are complete when both are; later changes of either are told as they come. A lost
 * connection changes nothing: the replica keeps its contents.
 */
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { type BindingsQuestion, needsBindings } from '../ovn/bindings.ts';
import { BINDINGS, type BindingsDatabase } from '../ovn/bindings-schema.ts';
import { rowsOf } from '../ovn/changes.ts';
import { createNorthboundTopology, type NorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND, type NorthboundDatabase } from '../ovn/northbound-schema.ts';
import type { NodeIdentity } from '../ovn/topology.ts';
import type { ChangeSet, OvsdbClient, Replica } from '../ovsdb/index.ts';
import type { OvnSource, OvnSourceEvents } from './ovn-source.ts';

export interface NorthboundClients {
  readonly northbound: OvsdbClient;
  /** Not started; absent: nothing says where the Southbound database is. */
  readonly southbound: OvsdbClient | undefined;
}

export class NorthboundSource implements OvnSource {
  readonly remotes: string;
  readonly bindingsRemotes: string | undefined;
  readonly topology: NorthboundTopology;
  readonly #config: AgentConfig;
  readonly #clients: NorthboundClients;
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

  constructor(
    config: AgentConfig,
    clients: NorthboundClients,
    remotes: { readonly northbound: string; readonly southbound: string | undefined },
    identity: NodeIdentity,
    log: Logger,
    events: OvnSourceEvents,
  ) {
    this.remotes = remotes.northbound;
    this.bindingsRemotes = remotes.southbound;
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
    });
    this.#northbound.subscribe((changes) => this.#northboundChanged(changes));
    this.#southbound?.subscribe((changes) => this.#southboundChanged(changes));
    clients.northbound.start();
  }

  get synchronized(): boolean {
    const bound = !this.#needed || this.#southbound === undefined || this.#southbound.synchronized;
    return this.#northbound.synchronized && bound;
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
    this.#closed.abort(new Error('the OVN source is closed'));
    await Promise.all([this.#clients.northbound.close(), this.#clients.southbound?.close()]);
  }

  #northboundChanged(changes: ChangeSet<NorthboundDatabase>): void {
    const affected = this.topology.affected(changes);
    if (!this.#needed && this.#asksForBindings(changes)) this.#openBindings();
    if (this.#complete) this.#events.changed(affected, changes.cause);
    else this.#checkComplete();
  }

  #southboundChanged(changes: ChangeSet<BindingsDatabase>): void {
    const affected = this.topology.affectedByBindings(changes);
    if (this.#complete) this.#events.changed(affected, changes.cause);
    else this.#checkComplete();
  }

  #asksForBindings(changes: ChangeSet<NorthboundDatabase>): boolean {
    const question: BindingsQuestion = {
      cms: this.#config.cms,
      gatewaysTold: this.#northbound.has('Logical_Router_Port', 'status'),
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
    const why =
      'the Northbound database has ports whose place only the Southbound database tells (plain OVN, or OVN before 23.09)';
    const { southbound } = this.#clients;
    if (southbound === undefined) {
      this.#log.warn(
        {},
        `${why}, and nothing says where that is; they count as bound nowhere: set [ovn] ovn_sb_connection, or external_ids:ovn-remote in the local Open_vSwitch database`,
      );
      return;
    }
    this.#log.info({ remotes: this.bindingsRemotes }, `${why}; reading that too`);
    southbound.start();
  }

  #checkComplete(): void {
    const bound = !this.#needed || this.#southbound === undefined || this.#southbound.populated;
    if (!this.#northbound.populated || !bound) return;
    this.#complete = true;
    this.#resolveComplete();
  }
}
