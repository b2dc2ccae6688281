import { describe, expect, it } from 'vitest';
import { bridgeMac, CABLES, CHASSIS, chassisNamed, NODE_NAMES, ROUTERS } from './layout.ts';
import { cableLines, nodeLines } from './links.ts';
import { chassisSettings } from './programs.ts';

const PIDS = new Map(NODE_NAMES.map((name, index) => [name, 1000 + index]));

describe('the fabric on paper', () => {
  it('uses no address, device or MAC address twice', () => {
    const addresses = [
      ...ROUTERS.flatMap(({ loopback4, loopback6 }) => [loopback4, loopback6]),
      ...CHASSIS.flatMap(({ management, tunnel, systemId }) => [management, tunnel, systemId]),
      ...CHASSIS.flatMap((chassis) => [bridgeMac(chassis, 0), bridgeMac(chassis, 1)]),
    ];
    expect(new Set(addresses).size).toBe(addresses.length);
    const ends = CABLES.flatMap((cable) => cable.ends.map(({ node, device }) => `${node} ${device}`));
    expect(new Set(ends).size).toBe(ends.length);
  });

  it('has a cable for every BGP session, with the neighbour at its other end', () => {
    for (const router of ROUTERS) {
      for (const { device, peer } of router.fabricPorts) {
        const cable = CABLES.find(({ ends }) =>
          ends.some((end) => end.node === router.name && end.device === device),
        );
        expect(cable?.ends.map(({ node }) => node)).toContain(peer);
      }
    }
  });
});

describe('links', () => {
  it('are made by pid, none in the machine’s own namespace', () => {
    const lines = cableLines(PIDS, true);
    expect(lines).toContain('link add name to-leaf1 netns 1000 type veth peer name to-spine netns 1001');
    expect(lines.filter((line) => line.includes('link add') && !line.includes('netns'))).toEqual([]);
    expect(() => cableLines(new Map(), true)).toThrow(/no pid/);
  });

  it('have tunnel ports only where the user space data path needs them', () => {
    expect(cableLines(PIDS, false).join()).not.toContain('tun0');
    expect(nodeLines('gw1', true)).toContain('link set tun0 up');
    expect(nodeLines('gw1', false)).not.toContain('link set tun0 up');
  });

  it('come up before routes over them are set', () => {
    const lines = nodeLines('ext', true);
    expect(lines.indexOf('link set eth0 up')).toBeLessThan(lines.indexOf('route add default via 10.255.0.1'));
  });
});

describe('the settings of a chassis', () => {
  const bridges = [
    { name: 'br-ex', physicalNetwork: 'physnet1', mac: '02:ee:00:00:00:17' },
    { name: 'br-ex2', physicalNetwork: 'physnet2', mac: '02:ee:00:00:01:17' },
  ];

  it('put tunnels on a bridge of their own in the user space data path', () => {
    const settings = chassisSettings({ chassis: chassisNamed('gw1'), datapath: 'netdev', bridges }).join(
      ' -- ',
    );
    expect(settings).toContain(`external_ids:ovn-encap-ip='"172.31.0.23"'`);
    expect(settings).toContain(`external_ids:ovn-bridge-mappings='"physnet1:br-ex,physnet2:br-ex2"'`);
    expect(settings).toContain('add-port br-tun tun0');
    expect(settings).toContain('enable-chassis-as-gw');
  });

  it('use the loopback for tunnels of the kernel', () => {
    const settings = chassisSettings({ chassis: chassisNamed('compute1'), datapath: 'system', bridges }).join(
      ' -- ',
    );
    expect(settings).toContain(`external_ids:ovn-encap-ip='"10.0.0.21"'`);
    expect(settings).not.toContain('br-tun');
    expect(settings).not.toContain('enable-chassis-as-gw');
  });
});
