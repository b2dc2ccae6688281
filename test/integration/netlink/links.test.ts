/** Links on the real kernel, compared with what ip(8) shows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Link,
  type LinkData,
  type LinkRequest,
  openRtnetlink,
  type Request,
  type RtnetlinkClient,
} from '../../../src/netlink/index.ts';
import { Namespace, supportedKinds, unless } from './namespace.ts';

const kinds = await supportedKinds();

let namespace: Namespace;
let netlink: RtnetlinkClient;

beforeEach(() => {
  namespace = new Namespace();
  netlink = openRtnetlink({ netns: namespace.path });
});

afterEach(() => {
  netlink.close();
  namespace.remove();
});

async function change(...requests: readonly Request[]): Promise<(string | undefined)[]> {
  return (await netlink.batch(requests)).map((outcome) => outcome?.message);
}

const add = (link: LinkRequest): Request => ({ type: 'link', op: 'add', link });
const set = (link: LinkRequest): Request => ({ type: 'link', op: 'set', link });
const remove = (link: LinkRequest): Request => ({ type: 'link', op: 'delete', link });

async function linkNamed(name: string): Promise<Link> {
  const link = (await netlink.links()).find((one) => one.name === name);
  if (link === undefined) throw new Error(`no link ${name}`);
  return link;
}

describe('links', () => {
  it('reads what ip(8) reads', async () => {
    namespace.ip('link add br0 type bridge');
    namespace.ip('link add va type veth peer name vb');
    namespace.ip('link set va master br0 up');
    namespace.ip('link add link vb name mv type macvlan');
    namespace.ip('link set vb up alias two_words');
    const expected = namespace.ipJson('link show').map((link) => ({
      index: link.ifindex,
      name: link.ifname,
      mtu: link.mtu,
      mac: link.address,
      alias: link.ifalias,
      up: (link.flags as string[]).includes('UP'),
      kind: (link.linkinfo as { info_kind?: string } | undefined)?.info_kind,
      hasMaster: link.master !== undefined,
      hasParent: link.link !== undefined || link.link_index !== undefined,
    }));
    const found = (await netlink.links()).map((link) => ({
      index: link.index,
      name: link.name,
      mtu: link.mtu,
      mac: link.mac,
      alias: link.alias,
      up: link.up,
      kind: link.kind,
      hasMaster: link.master !== undefined,
      hasParent: link.parent !== undefined,
    }));
    expect(found).toEqual(expected);
    expect(found.length).toBe(5);
  });

  it('creates, changes and deletes a bridge', async () => {
    const mac = '02:00:00:00:00:01';
    const link: LinkRequest = {
      name: 'br0',
      data: { kind: 'bridge', stp: true },
      mac,
      mtu: 1400,
      up: true,
      alias: 'of ours, äöü',
    };
    expect(await change(add(link))).toEqual([undefined]);
    const made = await linkNamed('br0');
    expect(made).toMatchObject({ kind: 'bridge', mac, mtu: 1400, up: true, alias: 'of ours, äöü' });
    expect(made.data).toMatchObject({ kind: 'bridge', stp: true });
    expect(namespace.ipJson('link show br0')).toMatchObject([
      { ifalias: 'of ours, äöü', linkinfo: { info_data: { stp_state: 1 } } },
    ]);

    expect(await change(set({ index: made.index, up: false, mtu: 1300, alias: '' }))).toEqual([undefined]);
    const changed = await linkNamed('br0');
    expect(changed).toMatchObject({ up: false, mtu: 1300, mac });
    expect(changed.alias).toBeUndefined();

    expect(await change(remove({ name: 'br0' }), remove({ name: 'br0' }))).toEqual([
      undefined,
      'delete link br0: ENODEV (no such device)',
    ]);
    expect(namespace.ipJson('link show').map((one) => one.ifname)).toEqual(['lo']);
  });

  it('puts a veth into a bridge and takes it out again', async () => {
    expect(
      await change(
        add({ name: 'br0', data: { kind: 'bridge' } }),
        add({ name: 'va', data: { kind: 'veth', peerName: 'vb' } }),
      ),
    ).toEqual([undefined, undefined]);
    const [bridge, a, b] = [await linkNamed('br0'), await linkNamed('va'), await linkNamed('vb')];
    expect(a.parent).toBe(b.index);
    await change(set({ index: a.index, master: bridge.index }));
    expect((await linkNamed('va')).master).toBe(bridge.index);
    expect(namespace.ipJson('link show va')).toMatchObject([{ master: 'br0' }]);
    await change(set({ name: 'va', master: 0 }));
    expect((await linkNamed('va')).master).toBeUndefined();
  });

  it('tells a carrier from a switch', async () => {
    await change(add({ name: 'va', up: true, data: { kind: 'veth', peerName: 'vb' } }));
    expect(await linkNamed('va')).toMatchObject({ up: true, running: false });
    await change(set({ name: 'vb', up: true }));
    expect(await linkNamed('va')).toMatchObject({ up: true, running: true });
  });

  it.each<Extract<LinkData, { kind: 'vxlan' }>>([
    { kind: 'vxlan', id: 77, local: '192.0.2.1', port: 4789, learning: false },
    { kind: 'vxlan', id: 16_777_215, local: '2001:db8::1', port: 8472, learning: true },
  ])('creates %o', async (data) => {
    expect(await change(add({ name: 'vx', data }))).toEqual([undefined]);
    expect((await linkNamed('vx')).data).toEqual(data);
    const info = namespace.ipJson('link show vx')[0]?.linkinfo;
    expect(info).toMatchObject({ info_kind: 'vxlan', info_data: { id: data.id, port: data.port } });
  });

  it('says why not, in the kernel’s words', async () => {
    namespace.ip('link add br0 type bridge');
    const long = 'a-name-beyond-fifteen';
    const [exists, unknown, tooLong, noMaster] = await netlink.batch([
      add({ name: 'br0', data: { kind: 'bridge' }, alias: 'not mine' }),
      set({ name: 'nope', up: true }),
      add({ name: long, data: { kind: 'bridge' } }),
      set({ name: 'br0', master: 4711 }),
    ]);
    expect(exists).toMatchObject({ code: 'EEXIST', errno: 17 });
    expect(unknown).toMatchObject({
      code: 'ENODEV',
      message: 'set link nope up true: ENODEV (no such device)',
    });
    expect(tooLong?.message).toContain(`add link ${long} kind bridge: ERANGE`);
    expect(tooLong?.extack).toBeTypeOf('string');
    expect(noMaster).toMatchObject({ code: 'EINVAL' });
    expect((await linkNamed('br0')).alias).toBeUndefined();
  });

  it.each(['dummy', 'vrf', 'vlan', 'bridge', 'vxlan', 'veth', 'macvlan', 'no-such-kind'])(
    'knows without creating anything whether the kernel has kind %s',
    async (kind) => {
      const answer = await netlink.supportsLinkKind(kind as LinkData['kind']);
      expect(namespace.ipJson('link show').map((link) => link.ifname)).toEqual(['lo']);
      namespace.ip('link add lower type veth peer name other');
      const parent = kind === 'vlan' || kind === 'macvlan' ? 'link lower ' : '';
      const details = { vlan: ' id 5', vrf: ' table 10', vxlan: ' id 5 dstport 4789' }[kind] ?? '';
      expect(attempt(`link add ${parent}name probe type ${kind}${details}`)).toBe(
        answer ? 'done' : 'Unknown device type',
      );
    },
  );
});

/** What becomes of an `ip` command. */
function attempt(line: string): string {
  try {
    namespace.ip(line);
    return 'done';
  } catch (error) {
    return /Unknown device type/.exec(String(error))?.[0] ?? String(error);
  }
}

describe('links of a router', () => {
  it.skipIf(!kinds.has('dummy') || !kinds.has('vrf'))(
    `creates a VRF with a dummy device in it${unless(kinds, 'dummy', 'vrf')}`,
    async () => {
      expect(await change(add({ name: 'vrf', up: true, data: { kind: 'vrf', table: 5000 } }))).toEqual([
        undefined,
      ]);
      const vrf = await linkNamed('vrf');
      expect(vrf.data).toEqual({ kind: 'vrf', table: 5000 });
      const dummy: LinkRequest = {
        name: 'nic',
        master: vrf.index,
        up: true,
        data: { kind: 'dummy' },
        alias: 'mine',
      };
      expect(await change(add(dummy))).toEqual([undefined]);
      expect(await linkNamed('nic')).toMatchObject({
        kind: 'dummy',
        master: vrf.index,
        running: true,
        alias: 'mine',
      });
    },
  );

  it.skipIf(!kinds.has('vlan'))(`creates a VLAN device${unless(kinds, 'vlan')}`, async () => {
    await change(add({ name: 'br0', data: { kind: 'bridge' } }));
    const parent = (await linkNamed('br0')).index;
    expect(await change(add({ name: 'br0.5', parent, data: { kind: 'vlan', id: 5 } }))).toEqual([undefined]);
    expect(await linkNamed('br0.5')).toMatchObject({
      parent,
      data: { kind: 'vlan', id: 5, protocol: 0x8100 },
    });
  });

  it.skipIf(kinds.has('vrf'))('says that the kernel cannot make a VRF, where that is so', async () => {
    expect(await change(add({ name: 'vrf', data: { kind: 'vrf', table: 10 } }))).toEqual([
      'add link vrf kind vrf: EOPNOTSUPP (Unknown device type)',
    ]);
  });
});
