/**
 * The netlink library against the real kernel at random: reads while another client writes, and the addon with arguments that
 * no caller of its own would give.
 */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRtnetlink, type Request } from '../../../src/netlink/index.ts';
import { loadAddon, type SocketHandle } from '../../../src/netlink/native.ts';
import { fuzz, fuzzTimeout, Seeded } from '../../support/fuzzing.ts';
import { Namespace } from './namespace.ts';

const LASTING = 5000;
const CALLS = 3000;

let namespace: Namespace;

beforeEach(() => {
  namespace = new Namespace();
});

afterEach(() => namespace.remove());

function route(op: 'add' | 'delete', number: number): Request {
  const destination = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32`;
  return { type: 'route', op, route: { family: 4, table: 100, destination, type: 'blackhole', protocol: 3 } };
}

test(
  'a read while routes come and go has every one that stays, once',
  async () => {
    const [writer, reader] = [
      openRtnetlink({ netns: namespace.path }),
      openRtnetlink({ netns: namespace.path }),
    ];
    const lasting = Array.from({ length: LASTING }, (_, number) => route('add', number));
    expect((await writer.batch(lasting)).filter((outcome) => outcome !== undefined)).toEqual([]);
    let passing = 0;
    await fuzz([1, 2], async (seed) => {
      const random = new Seeded(seed);
      const end = new AbortController();
      const writing = (async () => {
        while (!end.signal.aborted) {
          const first = LASTING + random.below(30_000);
          const numbers = Array.from({ length: 1 + random.below(60) }, (_, at) => first + at);
          await writer.batch(numbers.map((number) => route('add', number)));
          await writer.batch(numbers.map((number) => route('delete', number)));
        }
      })();
      try {
        for (let read = 0; read < 20; read++) {
          // A dump that is disturbed each time may give up, and says so.
          const found = await reader.routes({ table: 100, family: 4 }).catch((error: unknown) => {
            if ((error as { readonly code?: unknown }).code !== 'EINTR') throw error;
          });
          if (found === undefined) continue;
          const destinations = new Set(found.map(({ destination }) => destination));
          passing += found.length - LASTING;
          expect(destinations.size).toBe(found.length);
          const missing = lasting.filter(
            (request) => request.type === 'route' && !destinations.has(request.route.destination),
          );
          expect(missing).toEqual([]);
        }
      } finally {
        end.abort();
        await writing;
      }
    });
    // Without routes that come and go this would say nothing.
    expect(passing).toBeGreaterThan(0);
    writer.close();
    reader.close();
  },
  fuzzTimeout(60_000),
);

test(
  'the addon answers wrong arguments with a TypeError, and leaves no descriptor',
  async () => {
    const addon = loadAddon();
    const functions = Object.entries(addon as unknown as Record<string, (...args: unknown[]) => unknown>);
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    await fuzz([1, 2, 3], (seed) => {
      const random = new Seeded(seed);
      const before = descriptors();
      const open = addon.open(namespace.path) as SocketHandle;
      const closed = addon.open(null) as SocketHandle;
      addon.close(closed);
      const odd: readonly unknown[] = [
        undefined,
        null,
        0,
        -1,
        1.5,
        Number.NaN,
        2 ** 40,
        'x',
        '',
        '/dev/null',
        '/nowhere',
        'a\0b',
        10n,
        Symbol('s'),
        {},
        [],
        () => undefined,
        Buffer.alloc(3),
        new Uint8Array(4),
        new ArrayBuffer(4),
        new Float64Array(2),
        new Proxy({}, {}),
        Object.create(null),
        open,
        open,
        closed,
        namespace.path,
      ];
      for (let call = 0; call < CALLS; call++) {
        const [name, invoke] = random.pick(functions);
        const args = Array.from({ length: random.below(6) }, () => odd[random.below(odd.length)]);
        // What the open socket is needed for afterwards.
        if (args[0] === open && (name === 'close' || name === 'watch' || name === 'setOption')) continue;
        try {
          const result = invoke.apply(addon, args);
          if (typeof result === 'object' && result !== null) addon.close(result as SocketHandle);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
        }
      }
      addon.close(open);
      addon.close(open);
      expect(descriptors()).toBe(before);
    });
  },
  fuzzTimeout(60_000),
);
