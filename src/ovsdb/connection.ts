/**
 * One connection as the rest of the library uses it: a session plus the monitors that run over it, each known by its id.
 */
import { type OvsdbError, OvsdbProtocolError } from './errors.ts';
import type { RowSink } from './row-slicer.ts';
import { type DatabaseSchema, parseSchema } from './schema.ts';
import { type RequestOptions, Session, type SessionOptions } from './session.ts';
import type { Transport } from './transport.ts';

/** One running monitor. */
export interface Monitor {
  /** `parameters` are those of the notification without the monitor id. */
  update(method: string, parameters: readonly unknown[]): void | Promise<void>;
  rows(method: string): RowSink | undefined;
  canceled(): void;
}

export type MonitorMethod = 'monitor_cond_since' | 'monitor_cond' | 'monitor';

export class Connection {
  /** The best monitor method that this server has not refused yet. */
  monitorMethod: MonitorMethod = 'monitor_cond_since';
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<OvsdbError>;
  readonly #session: Session;
  readonly #monitors = new Map<string, Monitor>();
  #monitorCount = 0;

  /** `onEnd` is called at the moment the connection ends, before anything that awaits it goes on. */
  constructor(transport: Transport, options: SessionOptions, onEnd: (reason: OvsdbError) => void) {
    let end: (reason: OvsdbError) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#session = new Session(
      transport,
      {
        notification: (method, parameters) => this.#notification(method, parameters),
        rows: (method, parameters) => this.#monitors.get(String(parameters[0]))?.rows(method),
        closed: (reason) => {
          this.#monitors.clear();
          onEnd(reason);
          end(reason);
        },
      },
      options,
    );
  }

  get peer(): string {
    return this.#session.peer;
  }

  get open(): boolean {
    return this.#session.closed === undefined;
  }

  async request(method: string, parameters: readonly unknown[], options?: RequestOptions): Promise<unknown> {
    return await this.#session.request(method, parameters, options);
  }

  async getSchema(database: string, timeoutMs: number): Promise<DatabaseSchema> {
    return parseSchema(await this.request('get_schema', [database], { timeoutMs }));
  }

  /** Registers a monitor and returns the id to request it with. */
  addMonitor(monitor: Monitor): string {
    const id = `monitor-${++this.#monitorCount}`;
    this.#monitors.set(id, monitor);
    return id;
  }

  removeMonitor(id: string): void {
    this.#monitors.delete(id);
  }

  close(reason: OvsdbError): void {
    this.#session.close(reason);
  }

  #notification(method: string, parameters: readonly unknown[]): void | Promise<void> {
    const [id, ...rest] = parameters;
    switch (method) {
      case 'update':
      case 'update2':
      case 'update3':
        // Updates of a monitor that was cancelled a moment ago are on their way still.
        return this.#monitors.get(String(id))?.update(method, rest);
      case 'monitor_canceled':
        this.#monitors.get(String(id))?.canceled();
        return undefined;
      case 'locked':
      case 'stolen':
        return undefined;
      default:
        throw new OvsdbProtocolError(`${this.peer} sent the unknown notification ${JSON.stringify(method)}`);
    }
  }
}
