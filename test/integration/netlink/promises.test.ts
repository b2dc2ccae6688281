/** What a client promises whatever it is given: holes in a batch, small buffers, refused aliases, namespaces made again. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRtnetlink, type Request, type RtnetlinkClient } from '../../../src/netlink/index.ts';
import { until } from '../../support/until.ts';
import { Namespace } from './namespace.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');

let namespace: Namespace;
let netlink: RtnetlinkClient;

beforeEach(() => {
  namespace = new Namespace();
  netlink = openRtnetlink({ netns: namespace.path });
  namespace.ip('link add d0 type bridge');
  namespace.ip('link set d0 up');
});

afterEach(() => {
  netlink.close();
  namespace.remove();
});

function route(number: number): Request {
  const destination = `10.0.${number >> 8}.${number & 255}/32`;
  return {
    type: 'route',
    op: 'add',
    route: { family: 4, table: 100, destination, type: 'blackhole', protocol: 3 },
  };
}

describe('a batch', () => {
  it.each<[string, unknown, RegExp]>([
    ['a hole', undefined, /^request undefined: EINVAL \(not a request: undefined\)$/],
    ['null', null, /^request null: EINVAL/],
    ['a text', 'add', /EINVAL/],
    [
      'a request without its body',
      { type: 'route', op: 'add' },
      /^request \{"type":"route","op":"add"\}: EINVAL/,
    ],
    [
      'a route to nowhere',
      { type: 'route', op: 'add', route: { family: 4, table: 1, protocol: 3 } },
      /EINVAL/,
    ],
    ['an unknown type', { type: 'qdisc', op: 'add' }, /EINVAL \(no such type of request: qdisc\)/],
    ['an unknown operation', { type: 'link', op: 'mend', link: { name: 'd0' } }, /no such operation: mend/],
    ['a link without a description', { type: 'link', op: 'add' }, /EINVAL/],
  ])('with %s refuses that alone, and ends', async (_name, bad, message) => {
    const good = Array.from({ length: 300 }, (_, at) => route(at));
    const outcomes = await netlink.batch([...good, bad as Request, route(999)]);
    expect(outcomes).toHaveLength(302);
    expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
    expect(outcomes[300]?.message).toMatch(message);
    expect(await netlink.routes({ table: 100 })).toHaveLength(301);
  });

  it('of nothing but holes ends', async () => {
    const outcomes = await netlink.batch(Array.from<Request>({ length: 3 }));
    expect(outcomes.map((outcome) => outcome?.code)).toEqual(['EINVAL', 'EINVAL', 'EINVAL']);
    expect(await netlink.links()).not.toEqual([]);
  });

  it('goes in smaller parts where the send buffer is small', async () => {
    const small = openRtnetlink({ netns: namespace.path, sendBufferBytes: 4096 });
    const hops = Array.from({ length: 100 }, () => ({ index: 2, via: '192.0.2.1', weight: 1, onlink: true }));
    const wide: Request = {
      type: 'route',
      op: 'add',
      route: { family: 4, table: 100, destination: '10.9.0.0/24', nextHops: hops, protocol: 3 },
    };
    const outcomes = await small.batch([...Array.from({ length: 300 }, (_, at) => route(at)), wide]);
    small.close();
    expect(outcomes.slice(0, 300).filter((outcome) => outcome !== undefined)).toEqual([]);
    expect(outcomes[300]?.code).not.toBe('EMSGSIZE');
    expect((await netlink.routes({ table: 100 })).length).toBeGreaterThanOrEqual(300);
  });

  it('leaves no link behind whose alias is refused', async () => {
    const link = { name: 'd1', data: { kind: 'dummy' }, alias: 'x'.repeat(300), up: true } as const;
    const bridge = { ...link, data: { kind: 'bridge' } } as const;
    const [outcome] = await netlink.batch([{ type: 'link', op: 'add', link: bridge }]);
    expect(outcome?.message).toContain('link d1 alias');
    expect((await netlink.links()).map(({ name }) => name)).toEqual(['lo', 'd0']);
    // One of somebody else with that name stays.
    namespace.ip('link add d1 type bridge');
    const [second] = await netlink.batch([{ type: 'link', op: 'add', link: bridge }]);
    expect(second?.code).toBe('EEXIST');
    expect((await netlink.links()).map(({ name }) => name)).toContain('d1');
  });

  it('names the right that another namespace needs', () => {
    const script = `
      import { openRtnetlink } from ${JSON.stringify(resolve(PROJECT, 'dist/src/netlink/index.js'))};
      try { openRtnetlink({ netns: ${JSON.stringify(namespace.path)} }); } catch (error) { console.log(error.message); }
    `;
    const run = spawnSync(
      'setpriv',
      ['--bounding-set', '-sys_admin', process.execPath, '--input-type=module', '--eval', script],
      { encoding: 'utf8' },
    );
    expect(`${run.stdout}${run.stderr}`).toContain('EPERM');
    expect(run.stdout).toContain('another namespace needs CAP_SYS_ADMIN');
    expect(run.stdout).not.toContain('CAP_NET_ADMIN');
  });
});

describe('a subscription', () => {
  it('is in the namespace of its client, also when the path has become that of another', async () => {
    const { name } = namespace;
    const before = namespace;
    namespace.remove();
    namespace = new Namespace(name);
    expect(namespace.path).toBe(before.path);
    const seen = new Set<string>();
    netlink.subscribe((events) => {
      for (const event of events) if (event.type === 'link') seen.add(event.link.name);
    });
    namespace.ip('link add new0 type bridge');
    const [outcome] = await netlink.batch([
      { type: 'link', op: 'add', link: { name: 'old0', data: { kind: 'bridge' } } },
    ]);
    expect(outcome).toBeUndefined();
    await until('the client hears of its own link', () => seen.has('old0'), 5000);
    expect([...seen]).toEqual(['old0']);
    expect((await netlink.links()).map((link) => link.name)).toEqual(['lo', 'd0', 'old0']);
  });

  it.each([
    ['keeps the process alive', true, 'still there'],
    ['lets the process end where it was told to', false, ''],
  ])('%s', (_name, keepAlive, said) => {
    const script = `
      import { openRtnetlink } from ${JSON.stringify(resolve(PROJECT, 'dist/src/netlink/index.js'))};
      const netlink = openRtnetlink({ netns: ${JSON.stringify(namespace.path)} });
      netlink.subscribe(() => {}, { keepAlive: ${keepAlive} });
      setTimeout(() => { console.log('still there'); process.exit(0); }, 300).unref();
    `;
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect([run.status, run.stdout.trim()]).toEqual([0, said]);
  });
});

describe('a route', () => {
  it.each([
    ['10.1.0.0/24 dev d0', undefined],
    ['10.1.0.0/24 dev d0 mtu 1400', true],
    ['10.1.0.0/24 dev d0 realm 7', true],
    ['10.1.0.0/24 encap ip id 7 dst 192.0.2.1 dev d0', true],
    ['10.1.0.0/24 nexthop dev d0 weight 1 nexthop dev d0 weight 2', undefined],
    ['2001:db8:1::/64 dev d0', undefined],
    ['2001:db8:1::/64 dev d0 pref high', true],
    ['2001:db8:1::/64 dev d0 expires 600', true],
    ['2001:db8:1::/64 dev d0 mtu 1400', true],
  ])('%s tells whether it has more than is modelled', async (line, other) => {
    const family = line.startsWith('2001') ? '-6 ' : '';
    namespace.ip(`${family}route add table 77 ${line}`);
    const [found] = (await netlink.routes({ table: 77 })).filter(({ destination }) =>
      line.startsWith(destination),
    );
    expect(found?.other).toBe(other);
  });
});
