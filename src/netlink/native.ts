/**
 * Loads the native addon (native/addon.c) and gives it types.
 *
 * In: nothing, or the path of the `.node` file. Out: the functions of the addon. Throws NetlinkAddonError, with what
 * to do, when the file is missing or does not load.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { NetlinkAddonError } from './errors.ts';

declare const handleBrand: unique symbol;

/** An open socket; closed by `close`, or when it is garbage collected. */
export type SocketHandle = object & { readonly [handleBrand]: true };

/** Results below 0 are negated errno values. */
export interface NativeAddon {
  /**
   * Opens a bound NETLINK_ROUTE socket: in the network namespace of a path, in that of another socket that was opened by a
   * path, or in that of the process.
   */
  open(where: string | SocketHandle | null): SocketHandle | number;
  close(socket: SocketHandle): void;
  setOption(socket: SocketHandle, level: number, name: number, value: number): number;
  getOption(socket: SocketHandle, level: number, name: number): number;
  send(socket: SocketHandle, bytes: Buffer, length: number): number;
  /** Never waits. Returns the whole length of the datagram, also when `buffer` was too small for it. */
  receive(socket: SocketHandle, buffer: Buffer): number;
  /** Calls back with datagrams (each padded to 4 bytes) and the errno that came after them, or 0. */
  watch(socket: SocketHandle, callback: (bytes: Buffer, status: number) => void, keepAlive: boolean): number;
  sdNotify(path: string, message: string): number;
}

/** Relative to src/netlink/ and to dist/src/netlink/. */
const LOCATIONS = ['../../build/native/', '../../../build/native/'];
const FILE = 'ovn_bgp_agent_native.node';

export function loadAddon(path?: string): NativeAddon {
  const candidates =
    path === undefined
      ? LOCATIONS.map((location) => fileURLToPath(new URL(location + FILE, import.meta.url)))
      : [path];
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new NetlinkAddonError(
      `native addon not found at ${candidates.join(' or ')}: build it with "npm run build:native"`,
    );
  }
  try {
    return createRequire(import.meta.url)(file) as NativeAddon;
  } catch (cause) {
    throw new NetlinkAddonError(
      `native addon ${file} does not load (built for another architecture or C library?): ` +
        'build it again with "npm run build:native"',
      { cause },
    );
  }
}
