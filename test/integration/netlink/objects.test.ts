/** Addresses, rules and neighbours on the real kernel, compared with what ip(8) and bridge(8) show. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Family,
  type Neighbor,
  openRtnetlink,
  type Request,
  type RtnetlinkClient,
} from '../../../src/netlink/index.ts';
import { Namespace } from './namespace.ts';

let namespace: Namespace;
let netlink: RtnetlinkClient;
let index: number;

beforeEach(async () => {
  namespace = new Namespace();
  netlink = openRtnetlink({ netns: namespace.path });
  namespace.ip('link add br0 type bridge');
  namespace.ip('link add va type veth peer name vb');
  namespace.ip('link set va master br0 up');
  namespace.ip('link set vb up');
  index = (await netlink.links()).find(({ name }) => name === 'vb')?.index ?? 0;
});

afterEach(() => {
  netlink.close();
  namespace.remove();
});

async function change(...requests: readonly Request[]): Promise<(string | undefined)[]> {
  return (await netlink.batch(requests)).map((outcome) => outcome?.code);
}

type AddressRequest = Extract<Request, { type: 'address' }>['address'];

describe('addresses', () => {
  const request = (op: 'add' | 'replace' | 'delete', address: AddressRequest): Request => ({
    type: 'address',
    op,
    address,
  });

  it.each<[Family, string]>([
    [4, '192.0.2.1/24'],
    [4, '192.0.2.7/32'],
    [6, '2001:db8::1/64'],
    [6, '2001:db8::7/128'],
  ])('adds, replaces and deletes IPv%i %s', async (family, address) => {
    const wanted = { family, index, address, protocol: 179, flags: 2 };
    expect(await change(request('add', wanted))).toEqual([undefined]);
    expect(await change(request('add', wanted))).toEqual(['EEXIST']);
    const readBack = async () =>
      (await netlink.addresses({ index })).filter((one) => one.address === address);
    expect(await readBack()).toMatchObject([{ family, index, address, scope: 0, protocol: 179 }]);

    const shown = namespace.ipJson('address show dev vb').flatMap((link) => link.addr_info);
    expect(shown).toContainEqual(
      expect.objectContaining({ local: address.split('/')[0], prefixlen: Number(address.split('/')[1]) }),
    );

    expect(await change(request('replace', { ...wanted, protocol: 178 }))).toEqual([undefined]);
    expect(await readBack()).toMatchObject([{ protocol: 178 }]);

    expect(await change(request('delete', wanted), request('delete', wanted))).toEqual([
      undefined,
      'EADDRNOTAVAIL',
    ]);
    expect(await readBack()).toEqual([]);
  });

  it('reads what ip(8) reads, and filters', async () => {
    namespace.ip('address add 192.0.2.1/24 dev vb');
    namespace.ip('address add 198.51.100.1/32 dev br0 scope link');
    namespace.ip('address add 2001:db8::1/64 dev vb nodad');
    namespace.ip('link set lo up');
    const expected = namespace.ipJson('-N address show').flatMap((link) =>
      (link.addr_info as Record<string, unknown>[]).map((address) => ({
        family: address.family === 'inet' ? 4 : 6,
        index: link.ifindex,
        address: `${String(address.local)}/${String(address.prefixlen)}`,
        scope: Number(address.scope),
      })),
    );
    const byText = (a: { address?: unknown }, b: { address?: unknown }): number =>
      String(a.address) < String(b.address) ? -1 : 1;
    const found = await netlink.addresses();
    expect(
      found.map(({ family, index, address, scope }) => ({ family, index, address, scope })).sort(byText),
    ).toEqual(expected.sort(byText));
    expect(found.length).toBeGreaterThan(4);

    expect(await netlink.addresses({ family: 4 })).toEqual(found.filter(({ family }) => family === 4));
    expect(await netlink.addresses({ index, family: 6 })).toEqual(
      found.filter((one) => one.index === index && one.family === 6),
    );
  });

  it('refuses an interface that is not there', async () => {
    const [failure] = await netlink.batch([
      request('add', { family: 4, index: 4711, address: '192.0.2.1/24' }),
    ]);
    expect(failure).toMatchObject({ code: 'ENODEV' });
    expect(failure?.message).toMatch(/^add address 192\.0\.2\.1\/24 on interface 4711: ENODEV/);
  });
});

type RuleRequest = Extract<Request, { type: 'rule' }>['rule'];

describe('rules', () => {
  const request = (op: 'add' | 'delete', rule: RuleRequest): Request => ({ type: 'rule', op, rule });

  it.each<[Family, string, string]>([
    [4, '10.0.0.5/24', '10.0.0.5'],
    [4, '10.0.0.5/32', '10.0.0.5'],
    [6, '2001:db8::5/64', '2001:db8::5'],
    [6, '2001:db8::5/128', '2001:db8::5'],
  ])('adds and deletes IPv%i rules to and from %s', async (family, to, host) => {
    const wanted = { family, priority: 32_000, table: 5000, protocol: 179 };
    expect(await change(request('add', { ...wanted, to }), request('add', { ...wanted, from: to }))).toEqual([
      undefined,
      undefined,
    ]);
    expect(await change(request('add', { ...wanted, to }))).toEqual(['EEXIST']);
    const readBack = async () => (await netlink.rules(family)).filter(({ protocol }) => protocol === 179);
    expect(await readBack()).toEqual([
      { ...wanted, to, action: 1, other: false },
      { ...wanted, from: to, action: 1, other: false },
    ]);
    expect(namespace.ipJson(`-${family} rule show priority 32000`)).toMatchObject([
      { dst: host, table: '5000', protocol: '179' },
      { src: host, table: '5000', protocol: '179' },
    ]);
    expect(
      await change(
        request('delete', { ...wanted, to }),
        request('delete', { ...wanted, from: to }),
        request('delete', { ...wanted, to }),
      ),
    ).toEqual([undefined, undefined, 'ENOENT']);
    expect(await readBack()).toEqual([]);
  });

  it('leaves the rule of another protocol alone', async () => {
    namespace.ip('rule add priority 32000 to 10.0.0.0/24 table 5000 protocol 178');
    const rule = { family: 4, priority: 32_000, table: 5000, to: '10.0.0.0/24', protocol: 179 } as const;
    expect(await change(request('delete', rule))).toEqual(['ENOENT']);
    expect(await change(request('delete', { ...rule, protocol: 178 }))).toEqual([undefined]);
  });

  it('marks rules with selectors or actions of which it knows nothing', async () => {
    const lines = [
      'iif vb table 100',
      'oif vb table 100',
      'fwmark 1 table 100',
      'tos 0x10 table 100',
      'ipproto tcp table 100',
      'sport 80 table 100',
      'uidrange 0-99 table 100',
      'l3mdev',
      'table main suppress_prefixlength 0',
      'not to 10.0.0.0/8 table 100',
      'to 10.0.0.0/8 blackhole',
      'to 10.0.0.0/8 goto 32766',
    ];
    for (const [at, line] of lines.entries()) namespace.ip(`rule add priority ${100 + at} ${line}`);
    const rules = await netlink.rules(4);
    expect(rules.filter(({ other }) => other).map(({ priority }) => priority)).toEqual(
      lines.map((_, at) => 100 + at),
    );
    expect(rules.filter(({ other }) => !other).map(({ priority }) => priority)).toEqual([0, 32_766, 32_767]);
  });

  it('reads one family or both', async () => {
    namespace.ip('-6 rule add priority 9 table 9');
    const all = await netlink.rules();
    expect(await netlink.rules(6)).toEqual(all.filter(({ family }) => family === 6));
    expect(await netlink.rules(4)).toEqual(all.filter(({ family }) => family === 4));
    expect(all.map(({ priority }) => priority)).toContain(9);
  });
});

type NeighborRequest = Extract<Request, { type: 'neighbor' }>['neighbor'];

describe('neighbours', () => {
  const request = (op: 'add' | 'replace' | 'delete', neighbor: NeighborRequest): Request => ({
    type: 'neighbor',
    op,
    neighbor,
  });
  const mac = '02:00:00:00:00:09';

  it.each<[Family, string]>([
    [4, '192.0.2.9'],
    [6, '2001:db8::9'],
  ])('adds, replaces and deletes permanent IPv%i neighbours', async (family, address) => {
    const wanted: NeighborRequest = { family, index, address, mac, protocol: 179 };
    expect(await change(request('add', wanted), request('add', wanted))).toEqual([undefined, 'EEXIST']);
    const readBack = async (): Promise<Neighbor[]> =>
      (await netlink.neighbors({ family, index, proxy: false })).filter((one) => one.address === address);
    expect(await readBack()).toEqual([
      { family, index, address, mac, state: 0x80, flags: 0, proxy: false, protocol: 179 },
    ]);
    expect(namespace.ipJson(`-${family} neigh show dev vb`)).toContainEqual(
      expect.objectContaining({ dst: address, lladdr: mac, state: ['PERMANENT'] }),
    );
    expect(await change(request('replace', { ...wanted, mac: '02:00:00:00:00:0a' }))).toEqual([undefined]);
    expect(await readBack()).toMatchObject([{ mac: '02:00:00:00:00:0a' }]);
    expect(await change(request('delete', wanted))).toEqual([undefined]);
    expect((await readBack()).filter(({ state }) => state === 0x80)).toEqual([]);
    expect(
      await change(request('delete', { ...wanted, address: family === 4 ? '192.0.2.8' : '::8' })),
    ).toEqual(['ENOENT']);
  });

  it.each<[Family, string]>([
    [4, '192.0.2.99'],
    [6, '2001:db8::99'],
  ])('adds and deletes IPv%i proxy entries', async (family, address) => {
    const wanted: NeighborRequest = { family, index, address, proxy: true, protocol: 179 };
    // The kernel takes a second proxy entry for the same one.
    expect(await change(request('add', wanted), request('add', wanted))).toEqual([undefined, undefined]);
    expect(await netlink.neighbors({ family, proxy: true })).toEqual([
      { family, index, address, state: 0, flags: 8, proxy: true, protocol: 179 },
    ]);
    expect(await netlink.neighbors({ family, proxy: false, index })).not.toContainEqual(
      expect.objectContaining({ address }),
    );
    expect(namespace.ipJson(`-${family} neigh show proxy`)).toMatchObject([{ dst: address, dev: 'vb' }]);
    expect(await change(request('delete', wanted), request('delete', wanted))).toEqual([undefined, 'ENOENT']);
    expect(await netlink.neighbors({ family, proxy: true })).toEqual([]);
  });

  it('keeps forwarding entries of bridges and tunnels', async () => {
    namespace.ip('link add vx type vxlan id 77 dstport 4789');
    const links = await netlink.links();
    const indexOf = (name: string): number => links.find((link) => link.name === name)?.index ?? 0;
    const [port, tunnel, bridge] = [indexOf('va'), indexOf('vx'), indexOf('br0')];
    // NTF_MASTER 4, NTF_SELF 2; NUD_NOARP 0x40 is what bridge(8) calls static.
    const onBridge: NeighborRequest = { family: 'bridge', index: port, mac, flags: 4, state: 0x40 };
    const onTunnel: NeighborRequest = {
      family: 'bridge',
      index: tunnel,
      mac: '00:00:00:00:00:00',
      flags: 2,
      address: '192.0.2.99',
    };
    expect(await change(request('add', onBridge), request('add', onTunnel))).toEqual([undefined, undefined]);
    expect(await change(request('add', onBridge))).toEqual(['EEXIST']);
    const fdb = await netlink.neighbors({ family: 'bridge' });
    expect(fdb).toContainEqual({
      family: 'bridge',
      index: port,
      mac,
      state: 0x40,
      flags: 0,
      proxy: false,
      master: bridge,
    });
    expect(fdb).toContainEqual(expect.objectContaining({ index: tunnel, address: '192.0.2.99', flags: 2 }));
    expect(
      new Set((await netlink.neighbors({ family: 'bridge', index: port })).map((one) => one.index)),
    ).toEqual(new Set([port]));
    const shown = namespace.bridgeJson('fdb show');
    expect(shown).toHaveLength(fdb.length);
    expect(shown).toContainEqual(
      expect.objectContaining({ mac, ifname: 'va', state: 'static', master: 'br0' }),
    );
    expect(shown).toContainEqual(expect.objectContaining({ ifname: 'vx', dst: '192.0.2.99' }));
    expect(await change(request('delete', onBridge), request('delete', onTunnel))).toEqual([
      undefined,
      undefined,
    ]);
    // The kernel may add and take entries of its own meanwhile: those of IPv6's multicast groups.
    const left = await netlink.neighbors({ family: 'bridge' });
    expect(left).not.toContainEqual(expect.objectContaining({ mac, index: port }));
    expect(left).not.toContainEqual(expect.objectContaining({ address: '192.0.2.99' }));
  });

  it('reads everything when nothing is asked for in particular', async () => {
    await change(
      request('add', { family: 4, index, address: '192.0.2.9', mac }),
      request('add', { family: 6, index, address: '2001:db8::99', proxy: true }),
    );
    const all = await netlink.neighbors();
    expect(all).toContainEqual(expect.objectContaining({ address: '192.0.2.9', proxy: false }));
    expect(all).toContainEqual(expect.objectContaining({ address: '2001:db8::99', proxy: true }));
    expect(all).toContainEqual(expect.objectContaining({ family: 'bridge' }));
  });
});
