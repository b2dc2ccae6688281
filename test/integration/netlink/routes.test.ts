/** Routes on the real kernel, compared with what ip(8) shows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Family,
  openRtnetlink,
  type Request,
  type Route,
  type RouteRequest,
  type RtnetlinkClient,
} from '../../../src/netlink/index.ts';
import { Namespace } from './namespace.ts';

let namespace: Namespace;
let netlink: RtnetlinkClient;
let index: number;

beforeEach(async () => {
  namespace = new Namespace();
  netlink = openRtnetlink({ netns: namespace.path });
  namespace.ip('link set lo up');
  namespace.ip('link add va type veth peer name vb');
  namespace.ip('link set va up');
  namespace.ip('link set vb up');
  namespace.ip('address add 192.0.2.2/24 dev vb');
  namespace.ip('address add 2001:db8::2/64 dev vb nodad');
  index = (await netlink.links()).find(({ name }) => name === 'vb')?.index ?? 0;
});

afterEach(() => {
  netlink.close();
  namespace.remove();
});

const request = (op: 'add' | 'replace' | 'delete', route: RouteRequest): Request => ({
  type: 'route',
  op,
  route,
});

async function change(...requests: readonly Request[]): Promise<(string | undefined)[]> {
  return (await netlink.batch(requests)).map((outcome) => outcome?.message);
}

const ours = (): Promise<Route[]> => netlink.routes({ protocol: 179 });

/** Gateways of both families, and what the kernel adds by itself. */
const FAMILIES = [
  { family: 4 as const, net: '10.0.0.0/24', via: '192.0.2.1', via2: '192.0.2.9', metric: 0 },
  { family: 6 as const, net: '2001:db8:1::/64', via: '2001:db8::1', via2: '2001:db8::9', metric: 1024 },
];

describe.each(FAMILIES)('IPv$family routes', ({ family, net, via, via2, metric }) => {
  it('adds, refuses a second, and deletes in a table beyond 255', async () => {
    const wanted: RouteRequest = { family, table: 5000, destination: net, via, protocol: 179 };
    expect(await change(request('add', wanted))).toEqual([undefined]);
    expect((await change(request('add', wanted)))[0]).toMatch(/EEXIST/);
    const expected = {
      family,
      table: 5000,
      destination: net,
      type: 'unicast',
      protocol: 179,
      scope: 0,
      metric,
      index,
      via,
    };
    expect(await netlink.routes({ table: 5000 })).toEqual([expected]);
    expect(await ours()).toEqual([expected]);
    expect(namespace.ipJson(`-${family} route show table 5000`)).toMatchObject([
      { dst: net, gateway: via, dev: 'vb', protocol: '179' },
    ]);
    expect(await change(request('delete', wanted))).toEqual([undefined]);
    expect((await change(request('delete', wanted)))[0]).toMatch(/ESRCH|ENOENT/);
    expect(await netlink.routes({ table: 5000 })).toEqual([]);
  });

  it('keeps blackholes with a metric beside the routes of others', async () => {
    namespace.ip(`-${family} route add ${net} via ${via} proto bgp metric 20`);
    const blackhole: RouteRequest = {
      family,
      table: 254,
      destination: net,
      type: 'blackhole',
      protocol: 179,
      metric: 17_900,
    };
    expect(await change(request('add', blackhole), request('replace', blackhole))).toEqual([
      undefined,
      undefined,
    ]);
    expect(await ours()).toMatchObject([
      { family, destination: net, type: 'blackhole', metric: 17_900, table: 254 },
    ]);
    expect(namespace.ipJson(`-${family} route show proto 179`)).toMatchObject([
      { type: 'blackhole', dst: net, metric: 17_900 },
    ]);
    expect(await change(request('delete', blackhole))).toEqual([undefined]);
    expect(await netlink.routes({ family, protocol: 186 })).toMatchObject([
      { destination: net, via, metric: 20 },
    ]);
  });

  it('replaces the next hop, one by many and many by one', async () => {
    const one: RouteRequest = { family, table: 5000, destination: net, via, protocol: 179 };
    const many: RouteRequest = {
      family,
      table: 5000,
      destination: net,
      protocol: 179,
      nextHops: [
        { via, index, weight: 1 },
        { via: via2, index, weight: 3 },
      ],
    };
    expect(await change(request('replace', one), request('replace', { ...one, via: via2 }))).toEqual([
      undefined,
      undefined,
    ]);
    expect(await ours()).toMatchObject([{ via: via2 }]);
    expect(await change(request('replace', many))).toEqual([undefined]);
    const [multipath, ...more] = await ours();
    expect(more).toEqual([]);
    expect(multipath?.nextHops).toEqual(many.nextHops);
    expect(multipath).not.toHaveProperty('via');
    expect(namespace.ipJson(`-${family} route show table 5000`)).toMatchObject([
      {
        nexthops: [
          { gateway: via, dev: 'vb', weight: 1 },
          { gateway: via2, dev: 'vb', weight: 3 },
        ],
      },
    ]);
    expect(await change(request('replace', one))).toEqual([undefined]);
    expect(await ours()).toMatchObject([{ via }]);
    expect(await change(request('delete', one))).toEqual([undefined]);
    expect(await ours()).toEqual([]);
  });

  it('replaces a route by a blackhole and back', async () => {
    const unicast: RouteRequest = { family, table: 5000, destination: net, via, protocol: 179, metric: 10 };
    const { via: _none, ...rest } = unicast;
    const blackhole: RouteRequest = { ...rest, type: 'blackhole' };
    await change(request('replace', unicast), request('replace', blackhole));
    expect(await ours()).toMatchObject([{ type: 'blackhole' }]);
    expect(await change(request('replace', unicast))).toEqual([undefined]);
    expect(await ours()).toMatchObject([{ type: 'unicast', via }]);
  });

  it('deletes only the route of the protocol that it names', async () => {
    namespace.ip(`-${family} route add ${net} via ${via} proto bgp`);
    const [message] = await change(
      request('delete', { family, table: 254, destination: net, protocol: 179 }),
    );
    expect(message).toMatch(/ESRCH/);
    expect(await netlink.routes({ family, protocol: 186 })).toHaveLength(1);
  });

  it.each(['blackhole', 'unreachable', 'prohibit', 'throw'] as const)('knows type %s', async (type) => {
    const route: RouteRequest = { family, table: 5000, destination: net, protocol: 179, type };
    expect(await change(request('add', route))).toEqual([undefined]);
    expect(await ours()).toMatchObject([{ type }]);
    expect(namespace.ipJson(`-${family} route show table 5000`)).toMatchObject([{ type }]);
    expect(await change(request('delete', route))).toEqual([undefined]);
  });

  it('takes a default route and a preferred source', async () => {
    const destination = family === 4 ? '0.0.0.0/0' : '::/0';
    const source = family === 4 ? '192.0.2.2' : '2001:db8::2';
    const route: RouteRequest = { family, table: 5000, destination, via, source, protocol: 179 };
    expect(await change(request('add', route))).toEqual([undefined]);
    expect(await ours()).toMatchObject([{ destination, via, source }]);
    expect(namespace.ipJson(`-${family} route show table 5000`)).toMatchObject([
      { dst: 'default', prefsrc: source },
    ]);
  });
});

describe('routes', () => {
  it('reaches IPv4 destinations over IPv6 gateways', async () => {
    const route: RouteRequest = {
      family: 4,
      table: 254,
      destination: '10.0.4.0/24',
      via: '2001:db8::9',
      index,
      protocol: 179,
    };
    const mixed: RouteRequest = {
      family: 4,
      table: 254,
      destination: '10.0.5.0/24',
      protocol: 179,
      nextHops: [
        { via: '192.0.2.7', index, weight: 1 },
        { via: '2001:db8::9', index, weight: 2 },
      ],
    };
    expect(await change(request('add', route), request('add', mixed))).toEqual([undefined, undefined]);
    expect(await ours()).toMatchObject([{ via: '2001:db8::9', index }, { nextHops: mixed.nextHops }]);
    expect(namespace.ipJson('route show 10.0.4.0/24')).toMatchObject([
      { via: { family: 'inet6', host: '2001:db8::9' } },
    ]);
    expect(await change(request('delete', route), request('delete', mixed))).toEqual([undefined, undefined]);
  });

  it('takes a gateway that no address of the interface covers, when told that it is on the link', async () => {
    const route: RouteRequest = {
      family: 4,
      table: 5000,
      destination: '10.0.0.0/24',
      via: '203.0.113.1',
      index,
      protocol: 179,
    };
    expect(await change(request('add', route))).toEqual([
      `add route 10.0.0.0/24 via 203.0.113.1 dev ${index} table 5000 protocol 179: ENETUNREACH (Nexthop has invalid gateway)`,
    ]);
    expect(await change(request('add', { ...route, onlink: true }))).toEqual([undefined]);
    expect(await ours()).toMatchObject([{ via: '203.0.113.1', onlink: true }]);
  });

  it('reads every route that ip(8) reads', async () => {
    namespace.ip('route add 10.1.0.0/16 dev vb table 77');
    namespace.ip('nexthop add id 40 via 192.0.2.8 dev vb');
    namespace.ip('route add 10.2.0.0/16 nhid 40');
    namespace.ip('-6 route add 2001:db8:6::/64 from 2001:db8:7::/64 via 2001:db8::7 dev vb');
    const shown = (family: Family): string[] =>
      namespace
        .ipJson(`-${family} route show table all`)
        .map((route) => [route.dst, route.metric ?? 0, route.type].join(' '));
    const hostLength: Record<Family, string> = { 4: '/32', 6: '/128' };
    for (const family of [4, 6] as const) {
      const found = (await netlink.routes({ family })).map((route) => {
        const host = route.destination.endsWith(hostLength[family]);
        return `${host ? route.destination.split('/')[0] : route.destination} ${route.metric} ${route.type}`;
      });
      expect(found.sort()).toEqual(shown(family).sort());
      expect(found.length).toBeGreaterThan(4);
    }
    expect(await netlink.routes({ table: 254 })).toContainEqual(
      expect.objectContaining({ destination: '10.2.0.0/16', nextHopId: 40 }),
    );
    expect(await netlink.routes({ table: 254 })).toContainEqual(
      expect.objectContaining({ destination: '2001:db8:6::/64', from: '2001:db8:7::/64' }),
    );
  });

  it('finds nothing in a table that does not exist', async () => {
    expect(await netlink.routes({ table: 4711 })).toEqual([]);
  });

  it('refuses routes without a way', async () => {
    const [failure] = await netlink.batch([
      request('add', { family: 4, table: 254, destination: '10.0.0.0/24', index: 4711, protocol: 179 }),
    ]);
    expect(failure).toMatchObject({ code: 'ENODEV' });
  });
});
