/** Large batches and dumps on the real kernel, and what happens when buffers are too small for them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Channel } from '../../../src/netlink/channel.ts';
import { decodeLink, encodeLinkDump } from '../../../src/netlink/codec/link.ts';
import { dump } from '../../../src/netlink/dump.ts';
import { openRtnetlink, type Request, type RtnetlinkClient } from '../../../src/netlink/index.ts';
import { RTM_GETLINK } from '../../../src/netlink/kernel-numbers.ts';
import { noLogger } from '../../../src/netlink/logger.ts';
import { loadAddon } from '../../../src/netlink/native.ts';
import { NetlinkSocket, type Received, type RequestSocket } from '../../../src/netlink/socket.ts';
import { Namespace } from './namespace.ts';

let namespace: Namespace;
let netlink: RtnetlinkClient;

beforeEach(() => {
  namespace = new Namespace();
  netlink = openRtnetlink({ netns: namespace.path });
  namespace.ip('link set lo up');
});

afterEach(() => {
  netlink.close();
  namespace.remove();
});

/** Host routes 10.0.0.0/32, 10.0.0.1/32, ... in table 5000. */
function routes(op: 'add' | 'replace' | 'delete', count: number): Request[] {
  return Array.from({ length: count }, (_, at) => ({
    type: 'route',
    op,
    route: {
      family: 4,
      table: 5000,
      destination: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}/32`,
      type: 'blackhole',
      protocol: 179,
    },
  }));
}

const COUNT = 10_000;
const codes = (outcomes: readonly ({ readonly code: string } | undefined)[]): Set<string | undefined> =>
  new Set(outcomes.map((outcome) => outcome?.code));

describe('batches', () => {
  it(`adds ${COUNT} routes, refuses them a second time, and deletes them`, async () => {
    expect(codes(await netlink.batch(routes('add', COUNT)))).toEqual(new Set([undefined]));
    expect(await netlink.routes({ table: 5000 })).toHaveLength(COUNT);
    expect(namespace.ipJson('route show table 5000')).toHaveLength(COUNT);

    const second = await netlink.batch(routes('add', COUNT));
    expect(codes(second)).toEqual(new Set(['EEXIST']));
    expect(second[4711]?.message).toContain('add blackhole route 10.0.18.103/32 table 5000');

    expect(codes(await netlink.batch(routes('delete', COUNT)))).toEqual(new Set([undefined]));
    expect(await netlink.routes({ table: 5000 })).toEqual([]);
    expect(netlink.stats()).toMatchObject({ requests: 3 * COUNT, refused: COUNT, unknown: 0 });
  });

  it('lets timers run while it works', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await netlink.batch(routes('add', COUNT));
    await netlink.routes({ table: 5000 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });

  it('serves calls in the order in which they were made', async () => {
    const [, before, , after] = await Promise.all([
      netlink.batch(routes('add', 1000)),
      netlink.routes({ table: 5000 }),
      netlink.batch(routes('delete', 1000)),
      netlink.routes({ table: 5000 }),
    ]);
    expect(before).toHaveLength(1000);
    expect(after).toHaveLength(0);
  });

  it('goes on after a request that fails, and names it', async () => {
    const requests = routes('add', 600);
    const bad: Request = {
      type: 'route',
      op: 'add',
      route: { family: 4, table: 5000, destination: '10.9.0.0/16', via: '192.0.2.1', protocol: 179 },
    };
    const places = [0, 255, 256, 511, 603];
    for (const place of places) requests.splice(place, 0, bad);
    const outcomes = await netlink.batch(requests);
    expect(outcomes.flatMap((outcome, place) => (outcome === undefined ? [] : [place]))).toEqual(places);
    for (const place of places) {
      expect(outcomes[place]).toMatchObject({
        code: 'ENETUNREACH',
        errno: 101,
        extack: 'Nexthop has invalid gateway',
        message:
          'add route 10.9.0.0/16 via 192.0.2.1 table 5000 protocol 179: ENETUNREACH (Nexthop has invalid gateway)',
      });
    }
    expect(await netlink.routes({ table: 5000 })).toHaveLength(600);
  });

  it('calls outcomes unknown when the replies do not fit, and works on', async () => {
    await netlink.batch(routes('add', 200));
    const small = openRtnetlink({ netns: namespace.path, receiveBufferBytes: 1 });
    try {
      const outcomes = await small.batch(routes('add', 256));
      expect(codes(outcomes)).toEqual(new Set(['EEXIST', 'ENOBUFS']));
      expect(outcomes.find((outcome) => outcome?.code === 'ENOBUFS')?.message).toContain(
        'read the state again',
      );
      expect(small.stats().unknown).toBeGreaterThan(0);
      // The kernel carried them out all the same.
      expect(await small.routes({ table: 5000 })).toHaveLength(256);
      expect(codes(await small.batch(routes('delete', 256)))).toEqual(new Set([undefined]));
    } finally {
      small.close();
    }
  });

  it('refuses work once it is closed', async () => {
    netlink.close();
    netlink.close();
    const closed = { code: 'EBADF', extack: 'the netlink client is closed' };
    await expect(netlink.links()).rejects.toMatchObject(closed);
    await expect(netlink.batch(routes('add', 1))).rejects.toMatchObject(closed);
    expect(() => netlink.subscribe(() => undefined)).toThrow(/client is closed/);
  });

  it('says where it could not open a socket', () => {
    expect(() => openRtnetlink({ netns: '/run/netns/no-such-namespace' })).toThrow(
      expect.objectContaining({
        code: 'ENOENT',
        message: expect.stringMatching(
          /open netlink socket in network namespace \/run\/netns\/no-such/,
        ) as string,
      }),
    );
    expect(() => openRtnetlink({ addonPath: '/no/such.node' })).toThrow(
      /not found at \/no\/such\.node: build it/,
    );
  });
});

/** Does something between two parts of a dump, or lets a part come with its end cut off. */
class Meddler implements RequestSocket {
  sends = 0;
  readonly #socket: NetlinkSocket;
  readonly #meddle: (receive: number, send: number) => 'cut' | undefined;
  #receives = 0;

  constructor(socket: NetlinkSocket, meddle: (receive: number, send: number) => 'cut' | undefined) {
    this.#socket = socket;
    this.#meddle = meddle;
  }

  send(bytes: Buffer): void {
    this.sends++;
    this.#receives = 0;
    this.#socket.send(bytes);
  }

  receive(buffer: Buffer): Received {
    const cut = this.#meddle(++this.#receives, this.sends) === 'cut';
    return this.#socket.receive(cut ? buffer.subarray(0, 64) : buffer);
  }

  close(): void {
    this.#socket.close();
  }
}

describe('dumps', () => {
  const readLinks = { attempt: 'read links', type: RTM_GETLINK, encode: encodeLinkDump, decode: decodeLink };

  function open(): NetlinkSocket {
    return new NetlinkSocket(loadAddon(), {
      netns: namespace.path,
      receiveBufferBytes: 1 << 20,
      sendBufferBytes: 1 << 20,
      logger: noLogger,
    });
  }

  beforeEach(() => {
    // Enough links for several parts.
    namespace.ipBatch(Array.from({ length: 150 }, (_, at) => `link add br${at} type bridge`));
  });

  it('are made again when the kernel says that they were interrupted', async () => {
    const socket = new Meddler(open(), (receive, send) => {
      if (receive === 2 && send <= 2) namespace.ip(`link add extra${send} type bridge`);
      return undefined;
    });
    const channel = new Channel(socket);
    try {
      const links = await dump(channel, readLinks);
      expect(links).toHaveLength(153);
      expect(new Set(links.map(({ name }) => name)).size).toBe(153);
      expect(channel.counters).toMatchObject({ dumps: 1, dumpsRepeated: 2 });
    } finally {
      channel.close();
    }
  });

  it('give up when they are interrupted each time', async () => {
    const socket = new Meddler(open(), (receive, send) => {
      if (receive === 2) namespace.ip(`link add extra${send} type bridge`);
      return undefined;
    });
    const channel = new Channel(socket);
    try {
      await expect(dump(channel, readLinks)).rejects.toMatchObject({ code: 'EINTR' });
      expect(socket.sends).toBe(8);
    } finally {
      channel.close();
    }
  });

  it('are made again when a part came with its end cut off', async () => {
    const socket = new Meddler(open(), (receive, send) => (receive === 2 && send === 1 ? 'cut' : undefined));
    const channel = new Channel(socket);
    try {
      expect(await dump(channel, readLinks)).toHaveLength(151);
      expect(channel.counters).toMatchObject({ dumps: 1, dumpsRepeated: 1 });
    } finally {
      channel.close();
    }
  });

  it('do not return half when parts keep being cut', async () => {
    const channel = new Channel(new Meddler(open(), () => 'cut'));
    try {
      await expect(dump(channel, readLinks)).rejects.toMatchObject({ code: 'EMSGSIZE' });
    } finally {
      channel.close();
    }
  });
});
