/**
 * A scripted server for unit tests of what real servers do only when they are old or broken: it answers like an
 * ovsdb-server with one table `Thing`, refuses the methods it is told to, and leaves monitors to the test.
 */
import type { Connect } from '../transport.ts';
import { MemoryTransport } from './memory-transport.ts';
import { TEST_SCHEMA_JSON } from './schemas.ts';

export interface MonitorRequest {
  readonly id: number;
  readonly method: string;
  readonly monitor: string;
  readonly requests: Readonly<Record<string, unknown>>;
  readonly transaction: unknown;
}

export class FakeServer {
  /** Methods that are answered with `unknown method`. */
  readonly unknown: Set<string>;
  schema: unknown = TEST_SCHEMA_JSON;
  readonly transports: MemoryTransport[] = [];
  readonly monitors: MonitorRequest[] = [];
  /** Other requests, as method and parameters. */
  readonly requests: (readonly [id: number, method: string, parameters: readonly unknown[]])[] = [];

  constructor(unknown: readonly string[] = []) {
    this.unknown = new Set(unknown);
  }

  /** Goes into the client's `connect` option. */
  readonly connect: Connect = async () => {
    const transport = new MemoryTransport('fake', (message) => {
      // A real server answers in a later turn.
      queueMicrotask(() => this.#receive(transport, message));
    });
    this.transports.push(transport);
    return await Promise.resolve(transport);
  };

  /** The latest connection. */
  get transport(): MemoryTransport {
    const transport = this.transports.at(-1);
    if (transport === undefined) throw new Error('nobody has connected');
    return transport;
  }

  reply(id: number, result: unknown): void {
    this.transport.receive({ id, result, error: null });
  }

  notify(method: string, ...parameters: readonly unknown[]): void {
    this.transport.receive({ id: null, method, params: parameters });
  }

  #receive(transport: MemoryTransport, message: Record<string, unknown>): void {
    const { id, method, params } = message;
    if (typeof id !== 'number' || typeof method !== 'string') return;
    const parameters = params as readonly unknown[];
    if (this.unknown.has(method)) {
      transport.receive({ id, result: null, error: 'unknown method' });
    } else if (method === 'get_schema') {
      const known = parameters[0] === TEST_SCHEMA_JSON.name;
      transport.receive(
        known
          ? { id, result: this.schema, error: null }
          : { id, result: null, error: { error: 'unknown database', details: String(parameters[0]) } },
      );
    } else if (method === 'monitor' || method === 'monitor_cond' || method === 'monitor_cond_since') {
      this.monitors.push({
        id,
        method,
        monitor: String(parameters[1]),
        requests: parameters[2] as Readonly<Record<string, unknown>>,
        transaction: parameters[3],
      });
    } else {
      this.requests.push([id, method, parameters]);
      if (method === 'set_db_change_aware' || method === 'monitor_cancel') {
        transport.receive({ id, result: {}, error: null });
      }
    }
  }
}
