/**
 * Says when the kernel of a node has what an exposed address needs: policy rule, host route, neighbour, and the
 * blackhole that is advertised, by the kernel's own notifications. An address in a tenant network needs the last alone.
 *
 * Times are those of the notification's arrival here (`performance.now()`). Lost notifications are an error.
 */
import { openRtnetlink } from '../../src/netlink/index.ts';
import type { KernelEvent } from '../../src/netlink/types.ts';
import { isGatewayAddress, isTenantAddress } from './addresses.ts';
import { BRIDGE_TABLE } from './bench-node.ts';

const RULE_PRIORITY = 32_000;
const MAIN_TABLE = 254;
const ADVERTISE_METRIC = 17_900;
/** NUD_PERMANENT of linux/neighbour.h. */
const PERMANENT = 0x80;
/** What one address needs. */
const PARTS = ['rule', 'route', 'neighbor', 'blackhole'] as const;
export type Part = (typeof PARTS)[number];

export class KernelWatch {
  readonly #end: () => void;
  /** Parts that are there, by address. */
  readonly #held = new Map<string, Set<Part>>();
  readonly #waiting = new Set<() => void>();
  #complete = 0;
  #changes = 0;
  #lost: string | undefined;

  constructor(netns: string) {
    const netlink = openRtnetlink({ netns, eventBufferBytes: 64 << 20 });
    netlink.subscribe(
      (events) => {
        for (const event of events) this.#take(event);
        for (const look of this.#waiting) look();
      },
      { kinds: ['rule', 'route', 'neighbor'] },
    );
    this.#end = () => netlink.close();
  }

  /** Notifications about what exposed addresses need, since the start. */
  get changes(): number {
    return this.#changes;
  }

  /** Resolves with the time at which this many addresses had everything. */
  whenComplete(count: number, timeoutMs: number): Promise<number> {
    return this.#when(`${count} addresses are complete`, () => this.#complete >= count, timeoutMs);
  }

  whenExposed(address: string, timeoutMs: number): Promise<number> {
    return this.#when(
      `${address} is complete`,
      () => this.#held.get(address)?.size === partsOf(address),
      timeoutMs,
    );
  }

  whenWithdrawn(address: string, timeoutMs: number): Promise<number> {
    return this.#when(`${address} is gone`, () => !this.#held.has(address), timeoutMs);
  }

  close(): void {
    this.#end();
  }

  #when(what: string, holds: () => boolean, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(look);
        clearTimeout(timer);
      };
      const look = (): void => {
        if (this.#lost !== undefined) {
          done();
          reject(new Error(`notifications were lost: ${this.#lost}`));
        } else if (holds()) {
          done();
          resolve(performance.now());
        }
      };
      const timer = setTimeout(() => {
        done();
        reject(
          new Error(`timed out after ${timeoutMs} ms waiting until ${what} (${this.#complete} complete)`),
        );
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  #take(event: KernelEvent): void {
    if (event.type === 'resync') {
      this.#lost = event.reason;
      return;
    }
    const seen = partOf(event);
    if (seen === undefined) return;
    this.#changes += 1;
    const { address, part, gone } = seen;
    if (isGatewayAddress(address)) return;
    const needed = partsOf(address);
    const parts = this.#held.get(address) ?? new Set<Part>();
    const before = parts.size;
    if (gone) parts.delete(part);
    else parts.add(part);
    if (before < needed && parts.size === needed) this.#complete += 1;
    if (before === needed && parts.size < needed) this.#complete -= 1;
    if (parts.size === 0) this.#held.delete(address);
    else this.#held.set(address, parts);
  }
}

function partsOf(address: string): number {
  return isTenantAddress(address) ? 1 : PARTS.length;
}

interface Seen {
  readonly address: string;
  readonly part: Part;
  readonly gone: boolean;
}

function partOf(event: Exclude<KernelEvent, { readonly type: 'resync' }>): Seen | undefined {
  const { gone } = event;
  switch (event.type) {
    case 'rule': {
      const { priority, to } = event.rule;
      return priority === RULE_PRIORITY ? hostOf(to, 'rule', gone) : undefined;
    }
    case 'route': {
      const { table, metric, destination, type } = event.route;
      if (table === BRIDGE_TABLE) return hostOf(destination, 'route', gone);
      const advertised = table === MAIN_TABLE && metric === ADVERTISE_METRIC && type === 'blackhole';
      return advertised ? hostOf(destination, 'blackhole', gone) : undefined;
    }
    case 'neighbor': {
      const { address, state, proxy } = event.neighbor;
      if (address === undefined || proxy) return undefined;
      // A permanent entry that is deleted is reported as failed first.
      return { address, part: 'neighbor', gone: gone || (state & PERMANENT) === 0 };
    }
    case 'link':
    case 'address':
      return undefined;
    default:
      return event satisfies never;
  }
}

function hostOf(prefix: string | undefined, part: Part, gone: boolean): Seen | undefined {
  return prefix?.endsWith('/32') === true ? { address: prefix.slice(0, -3), part, gone } : undefined;
}
