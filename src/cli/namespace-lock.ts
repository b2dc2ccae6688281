/**
 * One agent in a network namespace: two would undo each other's work for ever.
 *
 * In: nothing. Out: the lock, or who holds it. It is an abstract unix socket, which belongs to the network namespace (unix(7))
 * whatever is mounted or shared besides, and which the kernel takes back when its process ends, however it ends. Anybody may
 * bind such a name, so a holder that could not change the network is no agent: it is told of, and keeps nobody out.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

/** As long as such a name can be: shorter ones are padded by some versions of Node.js and not by others. */
const NAME_LENGTH = 108;
const NAME = 'ovn-bgp-agent';
/** CAP_NET_ADMIN of linux/capability.h. */
const CAP_NET_ADMIN = 12n;

export interface LockHolder {
  /** Absent when the process cannot be seen from here: it is in another container, or another user's. */
  readonly pid?: number;
  /** Its command line. */
  readonly command?: string;
}

export type NamespaceLock =
  | { readonly kind: 'held'; readonly release: () => Promise<void> }
  /** Somebody who is no agent has the name; there is no lock, and nothing to wait for. */
  | { readonly kind: 'squatted'; readonly holder: LockHolder; readonly release: () => Promise<void> }
  | { readonly kind: 'busy'; readonly holder: LockHolder };

/** Throws what binding a socket may throw, other than that the name is taken. */
export async function lockNamespace(name = NAME): Promise<NamespaceLock> {
  const path = `\0${name.padEnd(NAME_LENGTH - 1, '-')}`;
  const server = await bind(path);
  if (server !== undefined) {
    return { kind: 'held', release: () => new Promise((resolve) => server.close(() => resolve())) };
  }
  const holder = await findHolder(path);
  if (holder.pid !== undefined && !(await mayChangeTheNetwork(holder.pid))) {
    return { kind: 'squatted', holder, release: async () => undefined };
  }
  return { kind: 'busy', holder };
}

/** One sentence for an operator. */
export function holderText({ pid, command }: LockHolder): string {
  if (pid === undefined) return 'a process that cannot be seen from here (in another container?)';
  return command === undefined ? `process ${pid}` : `process ${pid} (${command})`;
}

function bind(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** The process that has the socket open: its inode is in /proc/net/unix, and in /proc/PID/fd. */
async function findHolder(path: string): Promise<LockHolder> {
  const inode = inodeOf(await readFile('/proc/net/unix', 'latin1'), path);
  if (inode === undefined) return {};
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || !(await hasOpen(pid, `socket:[${inode}]`))) continue;
    const command = await commandOf(pid);
    return { pid: Number(pid), ...(command === undefined ? {} : { command }) };
  }
  return {};
}

/** Lines `address: count protocol flags type state inode path`; a NUL is shown as `@`. */
function inodeOf(table: string, path: string): string | undefined {
  const shown = path.replaceAll('\0', '@');
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[7] === shown) return fields[6];
  }
  return undefined;
}

/** Processes come and go, and some are not to be looked into. */
async function hasOpen(pid: string, target: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  for (const descriptor of await readdir(directory).catch(() => [])) {
    if ((await readlink(`${directory}/${descriptor}`).catch(() => '')) === target) return true;
  }
  return false;
}

async function commandOf(pid: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const words = text.split('\0').filter((word) => word !== '');
  return words.length === 0 ? undefined : words.join(' ').slice(0, 200);
}

async function mayChangeTheNetwork(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
