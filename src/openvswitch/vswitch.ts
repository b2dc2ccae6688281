/**
 * The real edge to the local Open vSwitch: its database for bridges and ports, ovs-ofctl for flows, its control socket
 * for static entries of the MAC tables.
 *
 * In: wanted ports and flows. Out: snapshots, flows, and events when something of either changed. A lost connection to the
 * database keeps the last snapshot; the client reconnects by itself. Failures are `OvsError`s; a caller's own abort comes
 * through as it is.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { Logger } from '../base/logger.ts';
import { type Operation, OvsdbTransactionError } from '../ovsdb/index.ts';
import { OvsError } from './errors.ts';
import { StaticFdb } from './fdb.ts';
import { FlowMonitor } from './flow-monitor.ts';
import { Ofctl } from './ofctl.ts';
import {
  checkPort,
  ensurePortOperations,
  type InternalPort,
  type PortProgress,
  portProgress,
  removePortOperations,
} from './ports.ts';
import { buildSnapshot, type SwitchTables } from './snapshot.ts';
import { openSwitchDatabase, type SwitchDatabase } from './switch-database.ts';
import type { Flow, FlowChange, OpenVSwitch, OvsSnapshot, StaticFdbEntry } from './types.ts';
import { Unixctl } from './unixctl.ts';

/** vswitchd makes a device within milliseconds when it runs, and not at all when it does not. */
const PORT_TIMEOUT_MS = 10_000;

type OvsEvent = { readonly kind: 'database' } | { readonly kind: 'flows'; readonly bridge: string };

export interface VswitchOptions {
  readonly database: SwitchDatabase;
  readonly runDir: string;
  readonly ofctlPath: string;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly portTimeoutMs?: number;
}

/** Connects to the local switch as configured. */
export function openVswitch(options: {
  /** `ovsdb_connection`: where the `Open_vSwitch` database is. */
  readonly remote: string;
  readonly runDir: string;
  readonly ofctlPath: string;
  readonly logger: Logger;
}): Vswitch {
  return new Vswitch({ ...options, database: openSwitchDatabase(options.remote, options.logger) });
}

export class Vswitch implements OpenVSwitch {
  readonly #database: SwitchDatabase;
  readonly #options: VswitchOptions;
  readonly #clock: Clock;
  readonly #ofctl: Ofctl;
  readonly #fdb: StaticFdb;
  readonly #monitors = new Map<string, FlowMonitor>();
  readonly #listeners = new Set<(event: OvsEvent) => void>();
  readonly #unsubscribe: () => void;
  #snapshot: OvsSnapshot | undefined;
  #closed = false;

  constructor(options: VswitchOptions) {
    this.#options = options;
    this.#database = options.database;
    this.#clock = options.clock ?? systemClock;
    this.#ofctl = new Ofctl({ runDir: options.runDir, path: options.ofctlPath, logger: options.logger });
    this.#fdb = new StaticFdb(new Unixctl({ runDir: options.runDir }));
    this.#unsubscribe = this.#database.subscribe(() => this.#changed());
  }

  snapshot(): OvsSnapshot | undefined {
    const tables = this.#snapshot === undefined ? this.#database.tables() : undefined;
    if (tables !== undefined) this.#snapshot = buildSnapshot(tables);
    return this.#snapshot;
  }

  trouble(): DatabaseTrouble | undefined {
    return this.#database.trouble();
  }

  flows(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    return this.#ofctl.flows(bridge, signal);
  }

  flowPlaces(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    return this.#ofctl.flowPlaces(bridge, signal);
  }

  applyFlows(bridge: string, changes: readonly FlowChange[], signal?: AbortSignal): Promise<void> {
    return this.#ofctl.apply(bridge, changes, signal);
  }

  staticFdb(bridge: string, signal?: AbortSignal): Promise<readonly StaticFdbEntry[]> {
    return this.#fdb.entries(bridge, signal);
  }

  addStaticFdb(bridge: string, entry: StaticFdbEntry, signal?: AbortSignal): Promise<void> {
    return this.#fdb.add(bridge, entry, signal);
  }

  removeStaticFdb(bridge: string, entry: StaticFdbEntry, signal?: AbortSignal): Promise<void> {
    return this.#fdb.remove(bridge, entry, signal);
  }

  async ensureInternalPort(bridge: string, port: InternalPort, signal?: AbortSignal): Promise<void> {
    checkPort(bridge, port);
    const operations = ensurePortOperations(this.#tables(bridge), bridge, port);
    if (operations.length > 0) {
      this.#options.logger.info({ bridge, ...port }, 'setting up an internal port');
      await this.#transact(bridge, `add port ${port.name} to`, operations, signal);
    }
    const subject = `port ${port.name} of bridge ${bridge}`;
    await this.#until(bridge, subject, (tables) => portProgress(tables, port), signal);
  }

  async removePort(bridge: string, port: string, signal?: AbortSignal): Promise<void> {
    const operations = removePortOperations(this.#tables(bridge), bridge, port);
    if (operations.length === 0) return;
    this.#options.logger.info({ bridge, port }, 'removing an internal port');
    await this.#transact(bridge, `remove port ${port} from`, operations, signal);
    // The next snapshot must not show it any more, or it would be removed again.
    const isGone = (tables: SwitchTables): PortProgress =>
      removePortOperations(tables, bridge, port).length === 0
        ? { state: 'ready' }
        : { state: 'waiting', for: 'the database to tell that it is gone' };
    await this.#until(bridge, `removal of port ${port} of bridge ${bridge}`, isGone, signal);
  }

  subscribe(listener: (event: OvsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  watchFlows(bridges: readonly string[]): void {
    if (this.#closed) return;
    const wanted = new Set(bridges);
    for (const [bridge, monitor] of this.#monitors) {
      if (wanted.has(bridge)) continue;
      this.#monitors.delete(bridge);
      void monitor.close();
    }
    for (const bridge of wanted) {
      if (this.#monitors.has(bridge)) continue;
      const monitor = new FlowMonitor({
        bridge,
        socketPath: this.#ofctl.socketPath(bridge),
        ofctlPath: this.#options.ofctlPath,
        clock: this.#clock,
        logger: this.#options.logger,
        onChange: () => this.#emit({ kind: 'flows', bridge }),
      });
      this.#monitors.set(bridge, monitor);
      monitor.start();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#listeners.clear();
    const monitors = [...this.#monitors.values()];
    this.#monitors.clear();
    await Promise.all([...monitors.map((monitor) => monitor.close()), this.#database.close()]);
  }

  #changed(): void {
    const tables = this.#database.tables();
    if (tables === undefined) return;
    this.#snapshot = buildSnapshot(tables);
    this.#emit({ kind: 'database' });
  }

  #tables(bridge: string): SwitchTables {
    const tables = this.#database.tables();
    if (tables !== undefined) return tables;
    throw new OvsError('unreachable', bridge, 'the Open_vSwitch database has not been read yet');
  }

  async #transact(
    bridge: string,
    what: string,
    operations: readonly Operation[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const attempt = `${what} bridge ${bridge}`;
    const timeoutMs = this.#timeoutMs;
    const limit = new AbortController();
    const forward = (): void => limit.abort(signal?.reason);
    const cancelTimer = this.#clock.after(timeoutMs, () =>
      limit.abort(new OvsError('unreachable', bridge, `cannot ${attempt}: no answer within ${timeoutMs} ms`)),
    );
    if (signal?.aborted === true) forward();
    else signal?.addEventListener('abort', forward, { once: true });
    try {
      await this.#database.transact(operations, limit.signal);
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      const code = error instanceof OvsdbTransactionError ? 'rejected' : 'unreachable';
      const text = error instanceof Error ? error.message : String(error);
      throw new OvsError(code, bridge, `cannot ${attempt}: ${text}`, error);
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', forward);
    }
  }

  /** Waits until the tables say that something is done, or why it cannot be. */
  #until(
    bridge: string,
    subject: string,
    progressOf: (tables: SwitchTables) => PortProgress,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const timeoutMs = this.#timeoutMs;
    return new Promise((resolve, reject) => {
      let waitingFor = 'the database';
      const undo: (() => void)[] = [];
      const finish = (error?: unknown): void => {
        for (const step of undo.splice(0)) step();
        if (error === undefined) resolve();
        else reject(error);
      };
      const notReady = (why: string): OvsError => new OvsError('not-ready', bridge, `${subject}: ${why}`);
      const look = (): void => {
        const tables = this.#database.tables();
        const progress = tables === undefined ? undefined : progressOf(tables);
        if (progress?.state === 'ready') finish();
        else if (progress?.state === 'failed') finish(notReady(progress.error));
        else waitingFor = progress?.for ?? waitingFor;
      };
      const aborted = (): void => finish(signal?.reason);
      const expired = (): void =>
        finish(
          new OvsError('timeout', bridge, `${subject}: waited ${timeoutMs} ms in vain for ${waitingFor}`),
        );
      signal?.addEventListener('abort', aborted, { once: true });
      undo.push(() => signal?.removeEventListener('abort', aborted));
      undo.push(this.#database.subscribe(look), this.#clock.after(timeoutMs, expired));
      if (signal?.aborted === true) aborted();
      else look();
    });
  }

  get #timeoutMs(): number {
    return this.#options.portTimeoutMs ?? PORT_TIMEOUT_MS;
  }

  #emit(event: OvsEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
