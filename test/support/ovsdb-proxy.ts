/**
 * A proxy before a real ovsdb-server that hurts the connection at a chosen request: for drills of what happens between a
 * request and its reply.
 *
 * In: the server's socket, and what to do with each request of the client. `pass` hands it on; `freeze` lets nothing
 * through any more in either direction, as a stopped process does; `swallow` keeps this one request; `cut` hands it on and ends the connection when the
 * server has answered, before the client has the answer.
 */
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Framer } from '../../src/ovsdb/framing.ts';

export interface ProxiedRequest {
  readonly method: string;
  readonly params: readonly unknown[];
  /** How many requests of this method there were before, on all connections. */
  readonly earlier: number;
}

export type Deed = 'pass' | 'swallow' | 'freeze' | 'cut';

export interface OvsdbProxy {
  readonly remote: string;
  /** Connections so far. */
  readonly connections: number;
  stop(): Promise<void>;
}

let made = 0;

export async function startOvsdbProxy(
  socketPath: string,
  decide: (request: ProxiedRequest) => Deed,
): Promise<OvsdbProxy> {
  const path = join(tmpdir(), `ovsdb-proxy-${process.pid}-${++made}`);
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  let connections = 0;
  const server: Server = createServer((client) => {
    connections += 1;
    const upstream = connect(socketPath);
    let mode: 'pass' | 'freeze' | 'cut' = 'pass';
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        // A stopped process ends no connection.
        if (mode !== 'freeze') for (const each of [client, upstream]) each.destroy();
      });
    }
    const framer = new Framer(() => undefined);
    client.on('data', (chunk: Buffer) => {
      if (mode === 'freeze') return;
      framer.feed(chunk);
      for (let message = framer.next(); message !== undefined; message = framer.next()) {
        const { method, params } = message;
        if (typeof method === 'string' && method !== 'echo') {
          const earlier = counts.get(method) ?? 0;
          counts.set(method, earlier + 1);
          const deed = decide({ method, params: Array.isArray(params) ? params : [], earlier });
          if (deed === 'swallow') continue;
          mode = deed;
        }
        if (mode === 'freeze') return;
        upstream.write(JSON.stringify(message));
      }
    });
    upstream.on('data', (chunk: Buffer) => {
      if (mode === 'pass') client.write(chunk);
      else if (mode === 'cut') client.destroy();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return {
    remote: `unix:${path}`,
    get connections() {
      return connections;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
  };
}
