/** Drills on what the node itself holds: kernel, Open vSwitch. */
import { expect, it } from 'vitest';
import { kill, start } from './programs.ts';
import { expectRecovery, type Ground, type Stage } from './stage.ts';

const GROUP = 'The kernel and Open vSwitch';
const NONE = 'agent';

type Damage = readonly [name: string, script: string];

/** Kernels that have VRF devices here have 802.1Q devices as well. */
const VLAN_DELETION = {
  main: 'ovs-vsctl del-port br-ex br-ex.100',
  vrf: 'ip link delete br-ex.100',
} as const;

const VRF_DAMAGES: readonly Damage[] = [
  ['dummy device deleted', 'ip link delete bgp-nic'],
  ['dummy device taken out of its VRF', 'ip link set bgp-nic nomaster'],
  ['VRF deleted', 'ip link delete bgp-vrf'],
  [
    'VRF deleted and made again by somebody else',
    'ip link delete bgp-vrf; ip link add bgp-vrf type vrf table 10',
  ],
];

/** What a new br-ex has differently: the device's MAC, and the number of the patch port. */
const withoutNumbers = (text: string): string =>
  text.replaceAll(/in_port=\d+/g, 'in_port=N').replaceAll(/mod_dl_dst:[\da-f:]+/g, 'mod_dl_dst:MAC');

export function nodeDrills(stage: () => Stage, { via }: Ground): void {
  it.each([
    ['rules flushed', 'ip -4 rule flush table 200; ip -6 rule flush table 200'],
    via === 'main'
      ? [
          'host routes deleted',
          'ip -4 route flush proto 179 type blackhole; ip -6 route flush proto 179 type blackhole',
        ]
      : ['addresses of the dummy device deleted', 'ip address flush dev bgp-nic scope global'],
    ...(via === 'main' ? [] : VRF_DAMAGES),
    ["the bridge's routing table flushed", 'ip -4 route flush table 200; ip -6 route flush table 200'],
    [
      'neighbours deleted',
      'ip -4 neigh flush nud permanent dev br-ex; ip -6 neigh flush nud permanent dev br-ex',
    ],
    ['flows deleted', 'ovs-ofctl del-flows br-ex cookie=999/-1'],
    [
      'addresses of the bridge deleted',
      'ip -4 address flush dev br-ex; ip -6 address flush dev br-ex scope global',
    ],
    ['VLAN device deleted', VLAN_DELETION[via]],
    ['br-ex set down', 'ip link set br-ex down'],
  ] as readonly Damage[])('%s [quick]', async (name, script) => {
    await expectRecovery(
      stage(),
      GROUP,
      { name, done: `\`${script}\``, cause: NONE, promised: true },
      async () => ({
        repairedMs: await stage().repairOf(script),
      }),
    );
  });

  it('proxy entries deleted [quick]', async () => {
    const script = 'ip -6 neigh show proxy | while read a b c d; do ip -6 neigh del proxy $a dev $c; done';
    const result = await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'proxy entries deleted',
        done: 'the kernel tells nobody: the agent looks twice a second',
        cause: NONE,
      },
      async () => ({ repairedMs: await stage().repairOf(script) }),
    );
    expect(result.repairedMs).toBeLessThan(await stage().promisedMs());
  });

  it('br-ex deleted and made again [quick]', async () => {
    const { node } = stage();
    const same = withoutNumbers;
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'br-ex deleted and made again',
        done: 'new device, another MAC, another patch port; counted from the moment when the new bridge is there',
        cause: 'OVN: ovn-controller makes the patch port anew',
      },
      async () => {
        const before = same(await stage().holdings());
        await node.script('ovs-vsctl del-br br-ex');
        await node.script(`ovs-vsctl add-br br-ex -- set Bridge br-ex datapath_type=netdev fail_mode=standalone \\
  other_config:hwaddr='"02:ee:00:00:ff:21"'
ip link set br-ex up`);
        const repairedMs = await stage().awaitHoldings(before, Date.now(), same);
        expect(await stage().holdings()).toContain('mod_dl_dst:02:ee:00:00:ff:21');
        return { repairedMs };
      },
    );
  });

  it('ovs-vswitchd killed and started [quick]', async () => {
    const { node } = stage();
    const same = withoutNumbers;
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: '`ovs-vswitchd` killed and started',
        done: 'with the user space data path its bridges vanish with it; counted from its start',
        cause: 'Open vSwitch: away for the time of the restart',
        restarts: ['ovs-vswitchd'],
      },
      async () => {
        const before = same(await stage().holdings());
        const tunnel = (
          await node.script("ip -br -4 address show dev br-tun | awk '{print $3}'")
        ).stdout.trim();
        const vswitchd = await kill(node, 'ovs-vswitchd');
        await start(node, vswitchd);
        const sinceMs = Date.now();
        // What the operator's network configuration does when the device appears.
        await node.script(`ip address replace ${tunnel} dev br-tun; ip link set br-tun up`);
        return { repairedMs: await stage().awaitHoldings(before, sinceMs, same) };
      },
    );
  });

  it('ovsdb-server of the node killed and started [quick]', async () => {
    const { node } = stage();
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: '`ovsdb-server` of the node killed and started',
        done: 'nothing changes; afterwards the VLAN device is deleted, to see that the agent follows the database again: that repair is counted',
        cause: NONE,
        restarts: ['ovsdb-server'],
      },
      async () => {
        const before = await stage().holdings();
        await start(node, await kill(node, 'ovsdb-server'));
        await node.exec(['ovs-vsctl', '--timeout=10', 'show']);
        expect(await stage().holdings()).toBe(before);
        await stage().replug();
        const repairedMs = await stage().repairOf(VLAN_DELETION[via]);
        return { repairedMs };
      },
    );
  });

  it('ovn-controller killed and started [quick]', async () => {
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: '`ovn-controller` killed and started',
        done: 'everything that it made stays meanwhile',
        cause: 'OVN',
        restarts: ['ovn-controller'],
      },
      async () => {
        await start(stage().node, await kill(stage().node, 'ovn-controller'));
        return {};
      },
    );
  });
}
