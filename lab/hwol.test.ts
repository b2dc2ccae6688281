import { describe, expect, it } from 'vitest';
import { parseBgpSummary } from './fabric.ts';
import { frrConfig } from './frr-config.ts';
import { hwolRouters, leafLines, linkBetween, uplinkBridges } from './hwol.ts';
import { CHASSIS, type ChassisName, chassisNamed, type RouterName } from './layout.ts';
import { chassisSettings } from './programs.ts';

function configOf(name: RouterName, addressing: 'numbered' | 'unnumbered'): string {
  const router = hwolRouters(addressing).find((candidate) => candidate.name === name);
  if (router === undefined) throw new TypeError(name);
  return frrConfig(router);
}

describe('the fabric hwol on paper', () => {
  it('numbers every link once, and both ends agree', () => {
    const links = CHASSIS.flatMap(({ name }) =>
      (['leaf1', 'leaf2'] as const).map(
        (leaf) => [linkBetween(name, leaf), linkBetween(leaf, name)] as const,
      ),
    );
    const addresses = links.flatMap(([node]) => [
      node?.[4].own,
      node?.[4].peer,
      node?.[6].own,
      node?.[6].peer,
    ]);
    expect(new Set(addresses).size).toBe(links.length * 4);
    for (const [node, leaf] of links) {
      expect(leaf?.[4]).toEqual({ own: node?.[4].peer, peer: node?.[4].own, length: 30 });
      expect(leaf?.[6]).toEqual({ own: node?.[6].peer, peer: node?.[6].own, length: 126 });
    }
    expect(linkBetween('leaf1', 'spine')).toBeUndefined();
  });

  it('has sessions between addresses of the links, one family each, or on the bridges', () => {
    const numbered = configOf('compute2', 'numbered');
    expect(numbered).toContain(' neighbor 100.64.12.1 peer-group uplink-ipv4\n');
    expect(numbered).toContain(' neighbor 2001:db8:64:22::1 peer-group uplink-ipv6\n');
    expect(numbered).not.toMatch(/interface peer-group/);
    const leaf = configOf('leaf2', 'numbered');
    expect(leaf).toContain(' neighbor to-spine interface peer-group fabric\n');
    expect(leaf).toContain('  neighbor 100.64.22.2 default-originate\n');
    const unnumbered = configOf('compute2', 'unnumbered');
    expect(unnumbered).toContain(' neighbor br-ex-2 interface peer-group uplink\n');
    expect(unnumbered).not.toMatch(/nic\d|uplink-ipv/);
  });

  it('gives leafs and bridges addresses where links are numbered, and else what link-local addresses are made of', () => {
    expect(leafLines('leaf1', 'numbered')).toContain('address add 100.64.11.1/30 dev to-compute1');
    expect(leafLines('leaf2', 'unnumbered')).toEqual([
      'link set to-compute1 address 02:1e:00:00:02:15',
      'link set to-compute2 address 02:1e:00:00:02:16',
      'link set to-gw1 address 02:1e:00:00:02:17',
    ]);
    expect(configOf('compute2', 'unnumbered')).toContain(
      ' peer fe80::1e:ff:fe00:216 interface br-ex-2\n  profile fabric\n exit\n',
    );
    expect(configOf('compute2', 'numbered')).not.toMatch(/^ peer /m);
    expect(leafLines('compute1', 'numbered')).toEqual([]);
    const [first] = uplinkBridges(chassisNamed('compute1'), 'numbered');
    expect(first).toMatchObject({
      name: 'br-ex',
      nic: 'nic1',
      addresses: ['100.64.11.2/30', '2001:db8:64:11::2/126'],
    });
  });

  it('puts the devices into bridges of the same data path, with MAC addresses of their own', () => {
    const uplinks = uplinkBridges(chassisNamed('gw1'), 'unnumbered');
    const settings = chassisSettings({
      chassis: chassisNamed('gw1'),
      datapath: 'netdev',
      bridges: [{ name: 'br-osp', physicalNetwork: 'physnet1', mac: '02:ee:00:00:00:17' }],
      uplinks,
    });
    expect(settings).toContain('add-port br-ex nic1');
    expect(settings).toContain('add-port br-ex-2 nic2');
    expect(settings.filter((line) => line.startsWith('set Bridge') && !line.includes('netdev'))).toEqual([]);
    const macs = CHASSIS.flatMap((chassis) => uplinkBridges(chassis, 'numbered').map(({ mac }) => mac));
    expect(new Set(macs).size).toBe(macs.length);
  });

  it('finds the peer of a session by its address', () => {
    const text = JSON.stringify({
      ipv4Unicast: { peers: { '100.64.11.1': { state: 'Established', pfxRcd: 3 } } },
    });
    const node: ChassisName = 'compute1';
    expect(parseBgpSummary(text, node, hwolRouters('numbered'))).toEqual([
      { device: 'br-ex', peer: 'leaf1', family: 4, state: 'Established', prefixesReceived: 3 },
    ]);
  });
});
