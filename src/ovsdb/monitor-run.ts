/**
 * One monitor on one connection, from its request to its end.
 *
 * In: what to ask for, and the tables to apply rows to. Out: the changes of the first reply, then of each transaction,
 * told to the owner. Updates that come before the reply are kept and applied after it.
 *
 * Failure: what contradicts the contents is told to the owner, who starts another run; a stopped run changes nothing.
 */
import {
  type Changes,
  type CollectedTable,
  type Collector,
  DumpCollector,
  UpdateCollector,
} from './collector.ts';
import type { Connection, MonitorMethod } from './connection.ts';
import { OvsdbConnectionError, OvsdbProtocolError, OvsdbRpcError } from './errors.ts';
import { conditionChanges, type EffectiveConditions, monitorRequests } from './monitor-request.ts';
import type { RowSink } from './row-slicer.ts';
import { ZERO_UUID } from './wire.ts';

/** What the contents are based on, so that another connection can continue from there. */
export interface Position {
  readonly transaction: string;
  readonly conditions: EffectiveConditions;
  /** See `columnsKey`. */
  readonly columns: string;
}

export interface RunOptions {
  readonly connection: Connection;
  readonly database: string;
  readonly tables: ReadonlyMap<string, CollectedTable>;
  /** For the first reply; absent: no deadline. */
  readonly timeoutMs?: number | undefined;
  /** Where to continue; a zero transaction asks for a dump. */
  readonly from: Position;
  readonly owner: RunOwner;
}

export interface RunOwner {
  /** The contents are complete. `dump` is false when only the changes since the last position came. */
  synchronized(changes: Changes, info: { readonly dump: boolean; readonly rows: number }): void;
  updated(changes: Changes, rows: number): void;
  /** An update contradicts the contents. */
  inconsistent(error: unknown): void;
}

export class MonitorRun {
  readonly connection: Connection;
  readonly id: string;
  #ready = false;
  #stopped = false;
  #changingConditions = false;
  /** Updates came while conditions were changing: some may be of the new ones. */
  #isMixed = false;
  #position: Position;
  readonly #options: RunOptions;
  readonly #deferred: (readonly [method: string, parameters: readonly unknown[]])[] = [];
  /** Collects a big update while it arrives. */
  #stream: UpdateCollector | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.#position = options.from;
    this.id = options.connection.addMonitor({
      update: (method, parameters) => this.#update(method, parameters),
      rows: (method) => this.#rows(method),
      canceled: () => this.#canceled(),
    });
  }

  /** Whether the contents are complete and follow. */
  get ready(): boolean {
    return this.#ready;
  }

  get changingConditions(): boolean {
    return this.#changingConditions;
  }

  /**
   * Where the contents are, with the conditions that the server has acknowledged; `undefined` while it is not known which
   * rows a change of conditions has brought.
   */
  get position(): Position | undefined {
    return this.#changingConditions && this.#isMixed ? undefined : this.#position;
  }

  /** Asks for the contents, with the best method that the server knows; resolves when they are complete. */
  async start(): Promise<void> {
    for (;;) {
      const method = this.connection.monitorMethod;
      try {
        await this.#request(method);
        return;
      } catch (error) {
        const older = olderMethod(method);
        if (!(error instanceof OvsdbRpcError) || error.code !== 'unknown method' || older === undefined)
          throw error;
        this.connection.monitorMethod = older;
      }
    }
  }

  /** From now on nothing of this monitor is looked at. */
  stop(): void {
    this.#stopped = true;
    this.connection.removeMonitor(this.id);
  }

  /** Stops, and tells the server. */
  cancel(): void {
    this.stop();
    // The answer, or that there is none any more, makes no difference.
    this.connection.request('monitor_cancel', [this.id]).catch(() => undefined);
  }

  /**
   * Asks the server to select rows by other conditions; `settled` is called when it has, or has refused. False when there
   * is nothing to change, or the server knows no conditions.
   */
  changeConditions(wanted: EffectiveConditions, settled: (error: unknown) => void): boolean {
    const known = this.connection.monitorMethod !== 'monitor';
    const changes = known ? conditionChanges(this.#position.conditions, wanted) : undefined;
    if (changes === undefined) return false;
    this.#changingConditions = true;
    this.#isMixed = false;
    this.connection
      .request('monitor_cond_change', [this.id, this.id, changes], {
        // The server sends the rows that come and go before this reply.
        handle: () => {
          if (this.#stopped) return;
          this.#changingConditions = false;
          this.#position = { ...this.#position, conditions: wanted };
          settled(undefined);
        },
      })
      .catch((error: unknown) => {
        if (this.#stopped || !this.connection.open) return;
        this.#changingConditions = false;
        settled(error);
      });
    return true;
  }

  async #request(method: MonitorMethod): Promise<void> {
    const { database, tables, from, timeoutMs } = this.#options;
    const codecs = [...tables.values()].map((table) => table.codec);
    const parameters: unknown[] = [database, this.id, monitorRequests(method, codecs, from.conditions)];
    if (method === 'monitor_cond_since') parameters.push(from.transaction);
    let collector: Collector | undefined;
    const start = (result: unknown): Collector => {
      const found = method === 'monitor_cond_since' && Array.isArray(result) && result[0] === true;
      if (found) return new UpdateCollector(tables, 'update2');
      return new DumpCollector(tables, method === 'monitor' ? 'update' : 'update2');
    };
    await this.connection.request(method, parameters, {
      timeoutMs,
      rows: (result) => {
        collector = start(result);
        return collector.sink;
      },
      handle: async (result) => {
        if (this.#stopped) return;
        collector ??= start(result);
        const reply = parseReply(method, result);
        await collector.take(reply.updates);
        await this.#finish(collector, reply.transaction);
      },
    });
  }

  /** Makes the reply's contents visible, then applies what came meanwhile. */
  async #finish(collector: Collector, transaction: string): Promise<void> {
    const changes = this.#stopped ? undefined : await collector.commit(() => !this.#stopped);
    if (changes === undefined) return;
    this.#position = { ...this.#position, transaction };
    this.#ready = true;
    const dump = collector instanceof DumpCollector;
    this.#options.owner.synchronized(changes, { dump, rows: collector.rows });
    for (const [method, parameters] of this.#deferred.splice(0)) await this.#apply(method, parameters);
  }

  async #update(method: string, parameters: readonly unknown[]): Promise<void> {
    if (this.#stopped) return;
    if (!this.#ready) {
      this.#deferred.push([method, parameters]);
      return;
    }
    try {
      await this.#apply(method, parameters);
    } catch (error) {
      if (!this.#stopped) this.#options.owner.inconsistent(error);
    }
  }

  async #apply(method: string, parameters: readonly unknown[]): Promise<void> {
    if (this.#changingConditions) this.#isMixed = true;
    const collector = this.#stream ?? this.#newUpdate(method);
    this.#stream = undefined;
    await collector.take(parameters.at(-1));
    const changes = this.#stopped ? undefined : await collector.commit(() => !this.#stopped);
    if (changes === undefined) return;
    if (method === 'update3') this.#position = { ...this.#position, transaction: String(parameters[0]) };
    this.#options.owner.updated(changes, collector.rows);
  }

  #rows(method: string): RowSink | undefined {
    if (this.#stopped || !this.#ready) return undefined;
    this.#stream = this.#newUpdate(method);
    return this.#stream.sink;
  }

  #newUpdate(method: string): UpdateCollector {
    return new UpdateCollector(this.#options.tables, method === 'update' ? 'update' : 'update2');
  }

  #canceled(): void {
    if (this.#stopped) return;
    const { database } = this.#options;
    const message = `${this.connection.peer} cancelled the monitor of ${database}: it was removed or converted`;
    this.connection.close(new OvsdbConnectionError('unsuitable', message));
  }
}

function olderMethod(method: MonitorMethod): MonitorMethod | undefined {
  if (method === 'monitor_cond_since') return 'monitor_cond';
  return method === 'monitor_cond' ? 'monitor' : undefined;
}

function parseReply(method: MonitorMethod, result: unknown): { updates: unknown; transaction: string } {
  if (method !== 'monitor_cond_since') return { updates: result, transaction: ZERO_UUID };
  if (!Array.isArray(result) || result.length !== 3) {
    throw new OvsdbProtocolError('the reply to monitor_cond_since is not a list of three');
  }
  return { updates: result[2], transaction: String(result[1]) };
}
