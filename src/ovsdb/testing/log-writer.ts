/** Writes logs as ovsdb-server does, for the tests of their readers. */
import { createHash } from 'node:crypto';

/** One record: its header line and its body. */
export function logRecord(json: unknown, magic: 'JSON' | 'CLUSTER' = 'JSON'): string {
  return rawRecord(`${JSON.stringify(json)}\n`, magic);
}

/** A record whose body is not what a server would write. */
export function rawRecord(body: string, magic: 'JSON' | 'CLUSTER' = 'JSON'): string {
  const hash = createHash('sha1').update(body).digest('hex');
  return `OVSDB ${magic} ${Buffer.byteLength(body)} ${hash}\n${body}`;
}

export function standaloneLog(...records: readonly unknown[]): Buffer {
  return Buffer.from(records.map((json) => logRecord(json)).join(''));
}

export function clusterLog(...records: readonly unknown[]): Buffer {
  return Buffer.from(records.map((json) => logRecord(json, 'CLUSTER')).join(''));
}
