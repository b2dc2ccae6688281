/** Notifications of the real kernel. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type KernelEvent,
  type NetlinkLogger,
  openRtnetlink,
  type RtnetlinkClient,
  type RtnetlinkOptions,
  type SubscribeOptions,
} from '../../../src/netlink/index.ts';
import { until } from '../../support/until.ts';
import { Namespace } from './namespace.ts';

let namespace: Namespace;
let netlink: RtnetlinkClient;
let events: KernelEvent[];

beforeEach(() => {
  namespace = new Namespace();
  netlink = openRtnetlink({ netns: namespace.path });
  events = [];
});

afterEach(() => {
  netlink.close();
  namespace.remove();
});

function listen(options?: SubscribeOptions): () => void {
  return netlink.subscribe((batch) => events.push(...batch), options);
}

/** Something that comes after all that happened before. */
async function settled(marker: string): Promise<void> {
  namespace.ip(`link add ${marker} type bridge`);
  await until(`the event of ${marker}`, () =>
    events.some((event) => event.type === 'link' && event.link.name === marker),
  );
}

function setUp(): void {
  namespace.ip('link add va type veth peer name vb');
  namespace.ip('link set va up');
  namespace.ip('link set vb up');
  namespace.ip('address add 192.0.2.2/24 dev vb');
}

describe('events', () => {
  it('tell of every kind of object, made and gone, in order', async () => {
    listen();
    setUp();
    const lines = [
      ['address', '10.255.0.1/32 dev vb'],
      ['-6 address', '2001:db8::7/128 dev vb nodad'],
      ['route', '10.0.0.0/24 via 192.0.2.1 table 5000 proto 179'],
      ['-6 route', 'blackhole 2001:db8:1::/64 table 5000 proto 179'],
      ['rule', 'priority 32000 to 10.0.0.0/24 table 5000 protocol 179'],
      ['-6 rule', 'priority 32000 to 2001:db8:1::/64 table 5000 protocol 179'],
      ['neigh', '192.0.2.9 lladdr 02:00:00:00:00:09 dev vb nud permanent'],
    ] as const;
    for (const [what, rest] of lines) namespace.ip(`${what} add ${rest}`);
    for (const [what, rest] of lines) namespace.ip(`${what} del ${rest.replace(' nodad', '')}`);
    namespace.ip('link del va');
    await settled('end');

    const said = (type: string, gone: boolean, part: object): number =>
      events.findIndex(
        (event) =>
          event.type === type &&
          'gone' in event &&
          event.gone === gone &&
          Object.entries(part).every(
            ([key, value]) =>
              (event as unknown as Record<string, Record<string, unknown>>)[type]?.[key] === value,
          ),
      );
    const changes: [type: string, part: object][] = [
      ['link', { name: 'vb', kind: 'veth' }],
      ['address', { address: '10.255.0.1/32' }],
      ['address', { address: '2001:db8::7/128' }],
      ['route', { destination: '10.0.0.0/24', table: 5000, protocol: 179, via: '192.0.2.1' }],
      ['route', { destination: '2001:db8:1::/64', table: 5000, type: 'blackhole' }],
      ['rule', { family: 4, to: '10.0.0.0/24', table: 5000, protocol: 179 }],
      ['rule', { family: 6, to: '2001:db8:1::/64', table: 5000, protocol: 179 }],
    ];
    const made = changes.map(([type, part]) => said(type, false, part));
    const gone = changes.map(([type, part]) => said(type, true, part));
    expect(made).not.toContain(-1);
    expect(gone).not.toContain(-1);
    expect(made).toEqual(made.toSorted((a, b) => a - b));
    expect(gone.slice(1)).toEqual(gone.slice(1).toSorted((a, b) => a - b));
    expect(gone[0]).toBeGreaterThan(Math.max(...gone.slice(1)));
    expect(said('neighbor', false, { address: '192.0.2.9', mac: '02:00:00:00:00:09' })).toBeGreaterThan(0);
    expect(events.some(({ type }) => type === 'resync')).toBe(false);
  });

  it('do not call a link gone that only left its bridge', async () => {
    setUp();
    namespace.ip('link add br0 type bridge');
    namespace.ip('link set va master br0');
    listen();
    namespace.ip('link set va nomaster');
    await settled('end');
    expect(events.filter((event) => event.type === 'link' && event.gone)).toEqual([]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'link', gone: false }));
  });

  it('come only for the kinds asked for', async () => {
    listen({ kinds: ['link'] });
    setUp();
    await settled('end');
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['link']));
  });

  it.each([
    ['', '10.0.0.0/24', '192.0.2.1'],
    ['-6 ', '2001:db8:1::/64', '2001:db8::1'],
  ])(
    'leave out the routes of another daemon, but not when it takes the place of ours (%s%s)',
    async (ip, net, via) => {
      setUp();
      namespace.ip('-6 address add 2001:db8::2/64 dev vb nodad');
      namespace.ip(`${ip}route add ${net} via ${via} table 5000 proto 179`);
      listen({ ignoreRouteProtocols: [186, 2] });
      namespace.ip(`${ip}route add ${net} via ${via} table 77 proto bgp`);
      namespace.ip(`${ip}route del ${net} via ${via} table 77 proto bgp`);
      namespace.ip(`${ip}route replace ${net} via ${via} table 5000 proto bgp`);
      await settled('end');
      expect(events.filter(({ type }) => type === 'route')).toMatchObject([
        { gone: false, route: { destination: net, table: 5000, protocol: 186 } },
      ]);
    },
  );

  it('end when told to, also from inside the listener', async () => {
    let calls = 0;
    const stop = netlink.subscribe(() => {
      calls++;
      stop();
    });
    listen();
    namespace.ip('link add br0 type bridge');
    await settled('end');
    stop();
    expect(calls).toBe(1);
  });

  it('reach each of several listeners, each with its own choice', async () => {
    const routes: KernelEvent[] = [];
    netlink.subscribe((batch) => routes.push(...batch), { kinds: ['route'] });
    listen({ kinds: ['link'] });
    setUp();
    await settled('end');
    await until('the routes of the addresses', () => routes.length > 2);
    expect(new Set(routes.map(({ type }) => type))).toEqual(new Set(['route']));
  });
});

describe('bursts', () => {
  const burst = 20_000;
  const lines = (op: string): string[] =>
    Array.from(
      { length: burst },
      (_, at) => `route ${op} blackhole 10.0.${at >> 8}.${at & 255}/32 table 5000 proto 179`,
    );

  function reopen(options: RtnetlinkOptions): void {
    netlink.close();
    netlink = openRtnetlink({ netns: namespace.path, ...options });
  }

  it(`of ${burst} route changes are taken whole`, async () => {
    listen({ kinds: ['route'] });
    namespace.ipBatch(lines('add'));
    await until('all events', () => events.length >= burst);
    expect(events).toHaveLength(burst);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['route']));
    expect(netlink.stats()).toMatchObject({ events: burst, resyncs: 0 });
  });

  it('that do not fit end in a resync, and later events come again', async () => {
    const warnings: unknown[] = [];
    const logger: NetlinkLogger = { debug: () => undefined, warn: (fields) => warnings.push(fields) };
    reopen({ eventBufferBytes: 1, logger });
    listen();
    namespace.ipBatch(lines('add'));
    await until('a resync', () => events.some(({ type }) => type === 'resync'));
    expect(events.length).toBeLessThan(burst);
    expect(events.find(({ type }) => type === 'resync')).toMatchObject({
      reason: expect.stringContaining('ENOBUFS') as string,
    });
    expect(warnings.length).toBeGreaterThan(0);
    expect(netlink.stats().resyncs).toBeGreaterThan(0);
    // One message at a time still fits: a single change after the storm is heard.
    await until('an event after the storm', () => {
      namespace.ip('link set lo up');
      namespace.ip('link set lo down');
      return events.at(-1)?.type !== 'resync' && events.some(({ type }) => type === 'link');
    });
  });

  it('survive a listener that holds up the event loop', async () => {
    reopen({ eventBufferBytes: 64 * 1024 });
    listen({ kinds: ['route', 'link'] });
    // Nothing can be delivered meanwhile: the queue to the event loop fills, then the socket, and the kernel says so.
    for (const op of ['add', 'del', 'add']) namespace.ipBatch(lines(op));
    await until(
      'all or a resync',
      () => events.length >= 3 * burst || events.some(({ type }) => type === 'resync'),
    );
    const whole = events.filter(({ type }) => type === 'route').length === 3 * burst;
    expect(whole).toBe(netlink.stats().resyncs === 0);
    await settled('end');
  });
});
