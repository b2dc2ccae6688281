/**
 * Random nodes for property tests: exposures, what a predecessor may have left, what strangers own, what vandals do.
 */
import * as fc from 'fast-check';
import type { NetlinkFailure, Request } from '../netlink/types.ts';
import type { FakeNode } from './fake-node.ts';
import { deviceName, ip, mac, SCOPE, type TestExposure, type WantOptions } from './testing.ts';

const exposure: fc.Arbitrary<TestExposure> = fc
  .record({
    host: fc.integer({ min: 1, max: 6 }),
    v6: fc.boolean(),
    bridge: fc.constantFrom('br-ex', 'br-data'),
    vlan: fc.constantFrom(undefined, undefined, 100, 101),
    mac: fc.constantFrom(undefined, 'fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'),
  })
  .map(({ host, v6, bridge, vlan, mac: text }) => ({
    address: ip(v6 ? `2001:db8::${host}` : `172.24.4.${host}`),
    bridge,
    ...(vlan === undefined ? {} : { vlan }),
    ...(text === undefined ? {} : { mac: mac(text) }),
    ...(v6 ? { proxyNdp: [ip('2001:db8::')] } : {}),
  }));

export const exposures = fc.uniqueArray(exposure, { maxLength: 8, selector: ({ address }) => address });

export const options: fc.Arbitrary<WantOptions> = fc.record({
  advertiseVia: fc.constantFrom('vrf', 'main'),
  vlanBy: fc.constantFrom('kernel', 'ovs'),
  vrfTable: fc.constantFrom(10, 10, 10, 11),
});

/** Edits of other programs and of the predecessor, by what they leave behind. */
export type Leftover = (fake: FakeNode, chosen: WantOptions) => void;

function onDevice(fake: FakeNode, name: string, make: (index: number) => Request): void {
  const index = fake.netlink.linkNamed(name)?.index;
  if (index !== undefined) tolerate(() => fake.netlink.foreign(make(index)));
}

/** Other programs meet errors, too. */
function tolerate(edit: () => void): void {
  try {
    edit();
  } catch (error) {
    if (typeof (error as NetlinkFailure).errno !== 'number') throw error;
  }
}

const device = fc.constantFrom('br-ex', 'br-data', 'br-ex.100');
const host = fc.integer({ min: 1, max: 9 });

/** What the predecessor may have left: no marks, no protocol. */
export const adopted: fc.Arbitrary<Leftover> = fc.oneof(
  fc.tuple(host, fc.constantFrom(200, 201)).map(
    ([n, table]): Leftover =>
      (fake) =>
        tolerate(() =>
          fake.netlink.foreign({
            type: 'rule',
            op: 'add',
            rule: { family: 4, priority: 32000, table, to: `172.24.4.${n}/32` },
          }),
        ),
  ),
  host.map(
    (n): Leftover =>
      (fake) =>
        tolerate(() =>
          fake.netlink.foreign({
            type: 'rule',
            op: 'add',
            rule: { family: 4, priority: 32000, table: 200, to: `192.168.${n}.1/26` },
          }),
        ),
  ),
  fc.tuple(host, device).map(
    ([n, name]): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'neighbor',
          op: 'replace',
          neighbor: { family: 4, index, address: `172.24.4.${n}`, mac: 'fa:16:3e:00:00:09', state: 0x80 },
        })),
  ),
  fc.tuple(host, device).map(
    ([n, name]): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'route',
          op: 'add',
          route: { family: 4, table: 200, destination: `172.24.4.${n}/32`, protocol: 3, scope: 253, index },
        })),
  ),
  device.map(
    (name): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'route',
          op: 'add',
          route: { family: 6, table: 201, destination: '::/0', protocol: 3, index, via: 'fe80::1' },
        })),
  ),
  device.map(
    (name): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'neighbor',
          op: 'add',
          neighbor: { family: 6, index, address: '2001:db8::', proxy: true },
        })),
  ),
  host.map(
    (n): Leftover =>
      (fake) =>
        onDevice(fake, 'br-ex', (index) => ({
          type: 'address',
          op: 'add',
          address: { family: 4, index, address: `169.254.0.${n}/32` },
        })),
  ),
  fc.constant<Leftover>((fake, { vlanBy }) => {
    // A kernel without VLAN devices has none from before either.
    if (vlanBy === 'ovs') return;
    const parent = fake.netlink.linkNamed('br-ex')?.index ?? 0;
    tolerate(() =>
      fake.netlink.foreign({
        type: 'link',
        op: 'add',
        link: { name: 'br-ex.100', parent, data: { kind: 'vlan', id: 100 } },
      }),
    );
  }),
  fc.constant<Leftover>((fake) => fake.netlink.foreign(...predecessorVrf(fake))),
);

function predecessorVrf(fake: FakeNode): Request[] {
  if (fake.netlink.linkNamed('bgp-vrf') !== undefined) return [];
  const add = (name: string, data: { kind: 'vrf'; table: number } | { kind: 'dummy' }): Request => ({
    type: 'link',
    op: 'add',
    link: { name, data, up: true },
  });
  return [add('bgp-vrf', { kind: 'vrf', table: 10 }), add('bgp-nic', { kind: 'dummy' })];
}

/** What must be there afterwards exactly as before. */
export function strangers(fake: FakeNode): void {
  const { netlink } = fake;
  const index = netlink.linkNamed('br-ex')?.index ?? 0;
  netlink.addLink({ name: 'eth0', up: true });
  netlink.addAddress({ family: 4, index, address: '172.24.4.1/24', scope: 0, flags: 0x80 });
  netlink.addAddress({ family: 6, index, address: 'fe80::1/64', scope: 253, flags: 0x80, protocol: 3 });
  netlink.addAddress({ family: 4, index, address: '1.1.1.1/32', scope: 0, flags: 0x80 });
  netlink.addRule({
    family: 4,
    priority: 32000,
    table: 200,
    action: 1,
    to: '172.24.4.1/32',
    from: '10.0.0.0/8',
    other: false,
  });
  netlink.addRule({ family: 4, priority: 32000, table: 200, action: 1, to: '172.24.4.2/32', other: true });
  netlink.addRule({ family: 4, priority: 100, table: 200, action: 1, to: '172.24.4.3/32', other: false });
  netlink.addRule({ family: 4, priority: 32000, table: 77, action: 1, to: '172.24.4.4/32', other: false });
  const route = { family: 4, type: 'unicast', scope: 0, metric: 5, index } as const;
  netlink.addRoute({ ...route, table: 200, destination: '9.9.9.9/32', protocol: 186 });
  netlink.addRoute({ ...route, table: 200, destination: '9.9.9.8/32', protocol: 4 });
  netlink.addRoute({ ...route, table: 254, destination: '172.24.4.1/32', protocol: 186 });
  netlink.addRoute({ ...route, table: 254, destination: '0.0.0.0/0', protocol: 3 });
  netlink.addRoute({ ...route, table: 10, destination: '9.9.9.7/32', protocol: 186 });
  netlink.addRoute({
    family: 4,
    type: 'blackhole',
    scope: 0,
    metric: 0,
    table: 254,
    destination: '10.66.0.0/16',
    protocol: 3,
  });
  netlink.addNeighbor({
    family: 4,
    index,
    address: '172.24.4.99',
    mac: 'aa:00:00:00:00:01',
    state: 2,
    proxy: false,
    flags: 0,
  });
  netlink.addNeighbor({
    family: 4,
    index,
    address: '172.24.4.98',
    mac: 'aa:00:00:00:00:02',
    state: 0x80,
    proxy: false,
    flags: 0,
    protocol: 11,
  });
  netlink.addNeighbor({ family: 4, index, address: '172.24.4.97', state: 0, proxy: true, flags: 8 });
  fake.ovs.tamper('br-ex', [{ op: 'add', flow: { cookie: 0, priority: 0, match: '', actions: 'NORMAL' } }]);
  fake.files.rtTables = `# mine\n${fake.files.rtTables}77 seven # lucky\n`;
}

/** What no plan may change, as text. */
export function foreignText(fake: FakeNode): string {
  const marks = [
    '1.1.1.1',
    '172.24.4.1/24',
    'fe80::1',
    '"from"',
    '"other":true',
    '"priority":100',
    '"table":77',
  ];
  const routes = ['9.9.9.', '"table":254', '10.66.0.0', '"table":10,'];
  const neighbors = ['"172.24.4.99"', '"172.24.4.98"', '"172.24.4.97"'];
  const ours = ['"protocol":179', '"gw"'];
  return JSON.stringify([
    fake.netlink
      .dumpText()
      .filter((line) => [...marks, ...routes, ...neighbors].some((mark) => line.includes(mark)))
      .filter((line) => !ours.some((mark) => line.includes(mark))),
    fake.netlink.linkNamed('eth0'),
    fake.ovs.allFlows('br-ex').filter(({ cookie }) => cookie !== 999),
    (fake.files.rtTables ?? '').split('\n').filter((line) => !/^20[01] /.test(line)),
  ]);
}

/** Deletes or changes something marked as ours; false when there is nothing of the kind. */
export function vandalise(fake: FakeNode, pick: number, destroy: boolean): boolean {
  const ours = fake.netlink.log.filter((request) => request.type !== 'link' && request.op !== 'delete');
  const request = ours[pick % Math.max(1, ours.length)];
  // The kernel tells nobody of proxy entries: the slow audit finds them.
  if (request === undefined || (request.type === 'neighbor' && request.neighbor.proxy === true)) return false;
  const undo = { ...request, op: 'delete' } as Request;
  try {
    if (!destroy && request.type === 'route' && request.route.type === 'blackhole') {
      fake.netlink.foreign(undo);
    } else if (!destroy && request.type === 'neighbor') {
      fake.netlink.foreign({
        type: 'neighbor',
        op: 'replace',
        neighbor: { ...request.neighbor, mac: 'aa:aa:aa:aa:aa:aa' },
      });
    } else fake.netlink.foreign(undo);
    return true;
  } catch {
    return false;
  }
}

/** What bears a mark of ours, as text. */
export function oursLeft(fake: FakeNode): string[] {
  const names = ['bgp-vrf', 'bgp-nic', deviceName('br-ex', 101), deviceName('br-data', 100)];
  return [
    ...fake.netlink.dumpText().filter((line) => line.includes('"protocol":179')),
    ...names.filter((name) => fake.netlink.linkNamed(name) !== undefined),
    ...fake.netlink.dumpText().filter((line) => line.includes('"alias":"ovn-bgp-agent"')),
    ...SCOPE.bridges
      .flatMap((bridge) => fake.ovs.allFlows(bridge).filter(({ cookie }) => cookie === 999))
      .map((flow) => flow.match),
    ...(fake.files.rtTables ?? '').split('\n').filter((line) => /^20[01] /.test(line)),
  ];
}
