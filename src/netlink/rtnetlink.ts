/**
 * The client: one socket for requests, one for each subscription.
 *
 * In: options. Out: `RtnetlinkClient`. Calls are served one after the other in the order in which they were made, so
 * a read sees every change that was requested before it. Everything rejects with NetlinkError when the kernel refuses
 * or the client is closed, and with NetlinkDecodeError when an answer cannot be read.
 */
import { batch } from './batch.ts';
import { Channel, type ChannelCounters } from './channel.ts';
import { decodeAddress, encodeAddressDump } from './codec/address.ts';
import { decodeLink, encodeImpossibleLink, encodeLinkDump } from './codec/link.ts';
import { decodeNeighbor, encodeNeighborDump } from './codec/neighbor.ts';
import { decodeRoute, encodeRouteDump } from './codec/route.ts';
import { decodeRule, encodeRuleDump } from './codec/rule.ts';
import { type DumpRequest, dump } from './dump.ts';
import { NetlinkError } from './errors.ts';
import { eventDecoder, groupsOf } from './events.ts';
import { RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE, RTM_GETRULE } from './kernel-numbers.ts';
import { probeLinkKind } from './link-kinds.ts';
import { type NetlinkLogger, noLogger } from './logger.ts';
import { loadAddon, type NativeAddon } from './native.ts';
import { NetlinkSocket } from './socket.ts';
import { Queue } from './turns.ts';
import type {
  Address,
  Family,
  KernelEvent,
  Link,
  LinkData,
  Neighbor,
  NeighborFilter,
  Request,
  Route,
  RouteFilter,
  Rtnetlink,
  Rule,
  SubscribeOptions,
} from './types.ts';

export interface RtnetlinkOptions {
  /**
   * Path of a network namespace (`/run/netns/x`, `/proc/1/ns/net`), opened once: the client stays in it when the path comes to
   * mean another one. Absent: that of the process.
   */
  readonly netns?: string;
  /** Size of the request socket's receive buffer. */
  readonly receiveBufferBytes?: number;
  readonly sendBufferBytes?: number;
  /** Size of a subscription's receive buffer: how long a burst of changes may last before events are lost. */
  readonly eventBufferBytes?: number;
  readonly logger?: NetlinkLogger;
  /** Path of the native addon, for programs that ship it elsewhere. */
  readonly addonPath?: string;
}

export interface NetlinkStats extends Readonly<ChannelCounters> {
  readonly events: number;
  readonly resyncs: number;
}

export interface RtnetlinkClient extends Rtnetlink {
  /** Counters since the client was opened. */
  stats(): NetlinkStats;
}

/** 8 MiB holds the notifications of some 20,000 route changes. */
const EVENT_BUFFER_BYTES = 8 * 1024 * 1024;
const REQUEST_BUFFER_BYTES = 4 * 1024 * 1024;
const EBADF = 9;
const ENOENT = 2;
const BOTH: readonly Family[] = [4, 6];

/** Throws NetlinkAddonError when the addon is missing, NetlinkError when there can be no socket. */
export function openRtnetlink(options: RtnetlinkOptions = {}): RtnetlinkClient {
  return new Client(options);
}

class Client implements RtnetlinkClient {
  readonly #options: RtnetlinkOptions;
  readonly #logger: NetlinkLogger;
  readonly #addon: NativeAddon;
  readonly #requests: NetlinkSocket;
  readonly #channel: Channel;
  readonly #queue = new Queue();
  readonly #subscriptions = new Set<() => void>();
  #closed = false;
  #events = 0;
  #resyncs = 0;

  constructor(options: RtnetlinkOptions) {
    this.#options = options;
    this.#logger = options.logger ?? noLogger;
    this.#addon = loadAddon(options.addonPath);
    this.#requests = this.#open(options.receiveBufferBytes ?? REQUEST_BUFFER_BYTES);
    this.#channel = new Channel(this.#requests);
  }

  links(): Promise<Link[]> {
    return this.#dump({
      attempt: 'read links',
      type: RTM_GETLINK,
      encode: encodeLinkDump,
      decode: decodeLink,
    });
  }

  addresses(filter: { readonly family?: Family; readonly index?: number } = {}): Promise<Address[]> {
    return this.#dump({
      attempt: 'read addresses',
      type: RTM_GETADDR,
      encode: (writer) => encodeAddressDump(writer, filter.family, filter.index),
      decode: (bytes, start, end) => {
        const address = decodeAddress(bytes, start, end);
        return address !== undefined &&
          (filter.family === undefined || address.family === filter.family) &&
          (filter.index === undefined || address.index === filter.index)
          ? address
          : undefined;
      },
    });
  }

  rules(family?: Family): Promise<Rule[]> {
    return this.#dump({
      attempt: 'read rules',
      type: RTM_GETRULE,
      encode: (writer) => encodeRuleDump(writer, family),
      decode: (bytes, start, end) => {
        const rule = decodeRule(bytes, start, end);
        return family === undefined || rule?.family === family ? rule : undefined;
      },
    });
  }

  async routes(filter: RouteFilter = {}): Promise<Route[]> {
    const families = filter.family === undefined ? BOTH : [filter.family];
    const found = await Promise.all(families.map((family) => this.#routesOf({ ...filter, family })));
    return found.flat();
  }

  async #routesOf(filter: RouteFilter & { readonly family: Family }): Promise<Route[]> {
    try {
      return await this.#dump({
        attempt: `read IPv${filter.family} routes${filter.table === undefined ? '' : ` of table ${filter.table}`}`,
        type: RTM_GETROUTE,
        encode: (writer) => encodeRouteDump(writer, filter.family, filter),
        decode: (bytes, start, end) => decodeRoute(bytes, start, end, filter),
      });
    } catch (error) {
      // "FIB table does not exist": a table is there from its first route on.
      if (filter.table !== undefined && error instanceof NetlinkError && error.errno === ENOENT) return [];
      throw error;
    }
  }

  async neighbors(filter: NeighborFilter = {}): Promise<Neighbor[]> {
    const families = filter.family === undefined ? ([4, 6, 'bridge'] as const) : [filter.family];
    const proxies = filter.proxy === undefined ? [false, true] : [filter.proxy];
    const found = await Promise.all(
      families.flatMap((family) =>
        proxies
          .filter((proxy) => !(proxy && family === 'bridge'))
          .map((proxy) => this.#neighborsOf(family, proxy, filter.index)),
      ),
    );
    return found.flat();
  }

  #neighborsOf(family: Family | 'bridge', proxy: boolean, index: number | undefined): Promise<Neighbor[]> {
    return this.#dump({
      attempt: family === 'bridge' ? 'read bridge forwarding entries' : `read IPv${family} neighbours`,
      type: RTM_GETNEIGH,
      // Forwarding entries can be asked for by bridge only, not by port.
      encode: (writer) => encodeNeighborDump(writer, family, proxy, family === 'bridge' ? undefined : index),
      decode: (bytes, start, end) => {
        const neighbor = decodeNeighbor(bytes, start, end);
        return neighbor !== undefined &&
          neighbor.family === family &&
          neighbor.proxy === proxy &&
          (index === undefined || neighbor.index === index)
          ? neighbor
          : undefined;
      },
    });
  }

  async batch(requests: readonly Request[]): Promise<readonly (NetlinkError | undefined)[]> {
    return this.#run('change the kernel', () => batch(this.#channel, requests));
  }

  async supportsLinkKind(kind: LinkData['kind']): Promise<boolean> {
    return this.#run(`ask for link kind ${kind}`, () =>
      probeLinkKind(this.#channel, kind, (writer) => encodeImpossibleLink(writer, kind)),
    );
  }

  subscribe(listener: (events: readonly KernelEvent[]) => void, options: SubscribeOptions = {}): () => void {
    if (this.#closed) throw closedError('subscribe to changes');
    const socket = this.#open(this.#options.eventBufferBytes ?? EVENT_BUFFER_BYTES, this.#requests);
    const decode = eventDecoder(options);
    let active = true;
    const end = (): void => {
      if (!active) return;
      active = false;
      this.#subscriptions.delete(end);
      socket.close();
    };
    try {
      for (const group of groupsOf(options)) socket.join(group);
      socket.watch((bytes, errno) => {
        if (!active) return;
        try {
          this.#deliver(decode(bytes, errno), listener);
        } catch (error) {
          // Node.js swallows what is thrown into native code (DEP0168): make it an uncaught exception like any other.
          queueMicrotask(() => {
            throw error;
          });
        }
      }, options.keepAlive);
    } catch (error) {
      socket.close();
      throw error;
    }
    this.#subscriptions.add(end);
    return end;
  }

  #deliver(events: readonly KernelEvent[], listener: (events: readonly KernelEvent[]) => void): void {
    if (events.length === 0) return;
    this.#events += events.length;
    for (const event of events) {
      if (event.type !== 'resync') continue;
      this.#resyncs++;
      this.#logger.warn({ reason: event.reason }, 'kernel notifications were lost');
    }
    listener(events);
  }

  stats(): NetlinkStats {
    return { ...this.#channel.counters, events: this.#events, resyncs: this.#resyncs };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of this.#subscriptions) end();
    this.#channel.close();
  }

  #open(receiveBufferBytes: number, beside?: NetlinkSocket): NetlinkSocket {
    return new NetlinkSocket(this.#addon, {
      netns: this.#options.netns,
      ...(beside === undefined ? {} : { beside }),
      receiveBufferBytes,
      sendBufferBytes: this.#options.sendBufferBytes ?? REQUEST_BUFFER_BYTES,
      logger: this.#logger,
    });
  }

  #dump<T>(request: DumpRequest<T>): Promise<T[]> {
    return this.#run(request.attempt, () => dump(this.#channel, request));
  }

  #run<T>(attempt: string, task: () => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      if (this.#closed) throw closedError(attempt);
      return task();
    });
  }
}

function closedError(attempt: string): NetlinkError {
  return new NetlinkError(attempt, EBADF, 'the netlink client is closed');
}
