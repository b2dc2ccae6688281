import { describe, expect, it } from 'vitest';
import type { Exposure } from '../exposures/types.ts';
import { metricOfClass } from '../node/advertise-metrics.ts';
import { addStageOf, removeStageOf, STAGE_ORDER } from '../node/stages.ts';
import {
  bridge,
  EX_MAC,
  EXAMPLE,
  EXAMPLE_LINES,
  exampleBridges,
  exposure,
  ip,
  mac,
  nextHop,
  type OvnNode,
  onLink,
  ovnInput,
  PROVNET,
  port,
  prefix,
  unnumberedHops,
} from './ovn-testing.ts';
import { lines, without } from './testing.ts';
import { wire } from './wire.ts';

const VM = exposure('172.16.5.5', onLink('fa:16:3e:82:ee:19'));
const VM_MAC = 'fa:16:3e:00:00:01';
/** A numbered node in both families, peers known from FRR. */
const NUMBERED: OvnNode = {
  cluster: { shape: 'host-routes' },
  bridges: [
    bridge(
      'br-ex',
      EX_MAC,
      ['100.64.11.2/30', '2001:db8:64:11::2/126'],
      [port('nic1', 1), port('patch-bgp-ex-localnet-to-br-bgp', 7, { type: 'patch' })],
    ),
    ...exampleBridges().slice(1),
  ],
  local: {
    nextHops: [
      nextHop(4, 'br-ex', '100.64.11.1', '02:aa:00:00:00:01'),
      nextHop(6, 'br-ex', '2001:db8:64:11::1', '02:aa:00:00:00:01'),
    ],
  },
};
const UNNUMBERED: OvnNode = {
  cluster: { shape: 'host-routes' },
  bridges: exampleBridges().map((each) => ({ ...each, addresses: [] })),
  local: { nextHops: unnumberedHops() },
};

function wired(node: OvnNode, exposures: readonly Exposure[] = []): ReturnType<typeof wire> {
  return wire(exposures, ovnInput(node), [PROVNET]);
}

/** What the node must hold, without what every method has. */
function texts(node: OvnNode, exposures: readonly Exposure[] = []): string[] {
  const common = /^(?:link|frr|sysctl) /;
  return lines(wired(node, exposures).objects).filter((line) => !common.test(line));
}

function reasons(node: OvnNode, exposures: readonly Exposure[] = []): string[] {
  return wired(node, exposures).pending.map(({ subject, reason }) => `${subject}: ${reason}`);
}

/** Lines that an exposure adds. */
function added(node: OvnNode, exposures: readonly Exposure[]): string[] {
  return without(wired(node, exposures), wired(node));
}

describe('the compatible shape', () => {
  it('is worked example 10', () => {
    expect(texts({ cluster: EXAMPLE }, [VM])).toEqual(EXAMPLE_LINES);
    expect(reasons({ cluster: EXAMPLE }, [VM])).toEqual([]);
  });

  it('pairs peers with the bridge whose network has them, and by position where none has', () => {
    const swapped = { ...EXAMPLE, peerIps: [ip('100.64.0.5'), ip('100.65.3.5')] };
    expect(texts({ cluster: swapped })).toEqual(texts({ cluster: EXAMPLE }));
    const strange = { ...EXAMPLE, bfd: false, peerIps: [ip('10.9.9.1'), ip('10.9.9.2')] };
    expect(texts({ cluster: strange }).filter((line) => /route of|policy/.test(line))).toEqual([
      'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" reroute 10.9.9.1 10.9.9.2',
      'local OVN route of bgp-router 0.0.0.0/0 via 10.9.9.1 port bgp-router-bgp-ex',
      'local OVN route of bgp-router 0.0.0.0/0 via 10.9.9.2 port bgp-router-bgp-ex-2',
    ]);
  });

  it('has a policy for each family, because next hops of one are of one family', () => {
    const node: OvnNode = {
      ...NUMBERED,
      cluster: { ...EXAMPLE, externalNics: [], peerIps: [ip('100.64.11.1'), ip('2001:db8:64:11::1')] },
    };
    expect(texts(node).filter((line) => /policy|via/.test(line))).toEqual([
      'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" && ip4 reroute 100.64.11.1 with BFD',
      'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" && ip6 reroute 2001:db8:64:11::1 with BFD',
      'local OVN route of bgp-router 0.0.0.0/0 via 100.64.11.1 with BFD',
      'local OVN route of bgp-router ::/0 via 2001:db8:64:11::1 with BFD',
    ]);
  });

  it('takes a dead peer out of the policy itself where OVN cannot', () => {
    const node: OvnNode = {
      cluster: EXAMPLE,
      local: {
        capabilities: { policyBfd: false, policyOutputPort: false },
        bfdStatus: new Map([
          ['BFD bgp-router-bgp-ex 100.65.3.5', 'down'],
          ['BFD bgp-router-bgp-ex-2 100.64.0.5', 'up'],
        ]),
      },
    };
    expect(texts(node)).toContain(
      'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" reroute 100.64.0.5',
    );
  });

  it('routes what lies outside the pool by address', () => {
    expect(added({ cluster: EXAMPLE }, [exposure('10.1.1.1', onLink(VM_MAC))])).toEqual([
      'addr bgp-nic 10.1.1.1/32',
      'flow br-ex cookie=0x3e7 priority=1000,ip,in_port=1,nw_dst=10.1.1.1 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
      'flow br-ex-2 cookie=0x3e7 priority=1000,ip,in_port=2,nw_dst=10.1.1.1 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
      'local OVN MAC binding 10.1.1.1 is fa:16:3e:00:00:01 on bgp-router-openstack',
      'local OVN route of bgp-router 10.1.1.1/32 via 10.1.1.1 port bgp-router-openstack',
    ]);
  });
});

describe('the shape host-routes', () => {
  it('has no provider prefix on the router and no policy', () => {
    expect(texts(UNNUMBERED).filter((line) => line.startsWith('local OVN'))).toEqual([
      'local OVN MAC binding 169.254.1.1 is 02:aa:00:00:00:01 on bgp-router-bgp-ex',
      'local OVN MAC binding 169.254.2.1 is 02:aa:00:00:00:02 on bgp-router-bgp-ex-2',
      'local OVN MAC binding fe80::1 is 02:aa:00:00:00:01 on bgp-router-bgp-ex',
      'local OVN MAC binding fe80::1 is 02:aa:00:00:00:02 on bgp-router-bgp-ex-2',
      'local OVN route of bgp-router 0.0.0.0/0 via 169.254.1.1 port bgp-router-bgp-ex',
      'local OVN route of bgp-router 0.0.0.0/0 via 169.254.2.1 port bgp-router-bgp-ex-2',
      'local OVN route of bgp-router ::/0 via fe80::1 port bgp-router-bgp-ex',
      'local OVN route of bgp-router ::/0 via fe80::1 port bgp-router-bgp-ex-2',
      'local OVN router bgp-router chassis="bgp"',
      'local OVN router port bgp-router-bgp-ex on bgp-router mac 52:54:00:3f:90:97 networks 169.254.1.2/30',
      'local OVN router port bgp-router-bgp-ex-2 on bgp-router mac 52:54:00:fb:69:d4 networks 169.254.2.2/30',
      'local OVN router port bgp-router-openstack on bgp-router mac 40:44:00:00:00:06 networks 169.254.255.1/30',
      'local OVN switch bgp-ex',
      'local OVN switch bgp-ex-2',
      'local OVN switch bgp-osp',
      'local OVN switch port bgp-ex-2-bgp-router on bgp-ex-2 type router router-port="bgp-router-bgp-ex-2"',
      'local OVN switch port bgp-ex-2-localnet on bgp-ex-2 type localnet network_name="bgp-ex-2"',
      'local OVN switch port bgp-ex-bgp-router on bgp-ex type router router-port="bgp-router-bgp-ex"',
      'local OVN switch port bgp-ex-localnet on bgp-ex type localnet network_name="bgp-ex"',
      'local OVN switch port bgp-osp-localnet on bgp-osp type localnet network_name="bgp-osp"',
      'local OVN switch port openstack-bgp-router on bgp-osp type router arp_proxy="0.0.0.0/0 ::/0" router-port="bgp-router-openstack"',
    ]);
  });

  it('adds a route, a binding and flows for each address', () => {
    expect(added(UNNUMBERED, [exposure('172.24.4.10', onLink(VM_MAC))])).toEqual([
      'addr bgp-nic 172.24.4.10/32',
      'flow br-ex cookie=0x3e7 priority=1000,ip,in_port=1,nw_dst=172.24.4.10 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
      'flow br-ex-2 cookie=0x3e7 priority=1000,ip,in_port=2,nw_dst=172.24.4.10 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
      'local OVN ACL 1000 of bgp-osp from-lport inport == "bgp-osp-localnet" && arp.op == 1 && arp.tpa == 172.24.4.10 drop',
      'local OVN MAC binding 172.24.4.10 is fa:16:3e:00:00:01 on bgp-router-openstack',
      'local OVN route of bgp-router 172.24.4.10/32 via 172.24.4.10 port bgp-router-openstack',
    ]);
  });

  it('gives each VLAN a switch and a port of its own, with the tag on the localnet', () => {
    const vlan = exposure('172.25.0.10', onLink(VM_MAC), { vlan: 100 });
    expect(added(UNNUMBERED, [vlan]).filter((line) => line.startsWith('local OVN'))).toEqual([
      'local OVN ACL 1000 of bgp-osp-100 from-lport inport == "bgp-osp-100-localnet" && arp.op == 1 && arp.tpa == 172.25.0.10 drop',
      'local OVN MAC binding 172.25.0.10 is fa:16:3e:00:00:01 on bgp-router-openstack-100',
      'local OVN route of bgp-router 172.25.0.10/32 via 172.25.0.10 port bgp-router-openstack-100',
      'local OVN router port bgp-router-openstack-100 on bgp-router mac 40:44:00:00:00:06 networks 169.254.254.145/30',
      'local OVN switch bgp-osp-100',
      'local OVN switch port bgp-osp-100-localnet on bgp-osp-100 type localnet tag 100 network_name="bgp-osp"',
      'local OVN switch port openstack-100-bgp-router on bgp-osp-100 type router arp_proxy="0.0.0.0/0 ::/0" router-port="bgp-router-openstack-100"',
    ]);
    expect(reasons(UNNUMBERED, [vlan])).toEqual([
      expect.stringContaining('no patch port "patch-bgp-osp-100-localnet-to-br-bgp" yet'),
    ]);
  });

  it('gives routes the attributes of their class, as every method does', () => {
    const meds = [{ selector: 'provider-port', med: 50 }] as const;
    const node: OvnNode = { ...UNNUMBERED, config: { meds, advertiseVia: 'main' } };
    const plain: OvnNode = { ...UNNUMBERED, config: { advertiseVia: 'main' } };
    const [classed, other] = [node, plain].map((each) =>
      added(each, [VM]).filter((line) => /blackhole/.test(line)),
    );
    expect(classed).toEqual([expect.stringContaining(`metric ${metricOfClass(1)}`)]);
    expect(other).toEqual([expect.stringContaining(`metric ${metricOfClass(0)}`)]);
  });

  it('announces a tenant network without the gateway address where that one is not announced', () => {
    const via = { type: 'via', via: ip('172.24.4.50'), mac: mac('fa:16:3e:00:00:f0') } as const;
    const subnetOf = (delivery: Exposure['delivery']): string[] =>
      added(UNNUMBERED, [exposure('192.168.100.0/24', delivery, { kind: 'tenant-subnet' })]).filter((line) =>
        line.startsWith('route '),
      );
    expect(subnetOf(via)).toEqual([expect.stringContaining('via 172.24.4.50')]);
    expect(subnetOf({ ...via, viaUnannounced: true })).toEqual([expect.not.stringContaining('via')]);
  });

  it('reaches tenant networks through the gateway address, and announces hosts on top of that', () => {
    const via = { type: 'via', via: ip('172.24.4.50'), mac: mac('fa:16:3e:00:00:f0') } as const;
    const subnet = exposure('192.168.100.0/24', via, { kind: 'tenant-subnet', announce: false });
    expect(added(UNNUMBERED, [subnet])).toEqual([
      'flow br-ex cookie=0x3e7 priority=1000,ip,in_port=1,nw_dst=192.168.100.0/24 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
      'flow br-ex-2 cookie=0x3e7 priority=1000,ip,in_port=2,nw_dst=192.168.100.0/24 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
      'local OVN MAC binding 172.24.4.50 is fa:16:3e:00:00:f0 on bgp-router-openstack',
      'local OVN route of bgp-router 192.168.100.0/24 via 172.24.4.50 port bgp-router-openstack',
    ]);
    const host = exposure(
      '192.168.100.7',
      { type: 'covered', subnet: prefix('192.168.100.0/24'), by: subnet.candidate, via: via.via },
      { kind: 'tenant-host' },
    );
    const all = wired(UNNUMBERED, [subnet, host]);
    expect(without(all, wired(UNNUMBERED, [subnet]))).toEqual(['addr bgp-nic 192.168.100.7/32']);
    const announced = all.objects.find(({ role }) => role === 'advertise');
    expect(announced?.requires).toContain(
      'local-row Logical_Router_Static_Route bgp-router 192.168.100.0/24 172.24.4.50',
    );
  });

  it('sends what has no MAC address of its own to the gateway port that answers for it', () => {
    const vip = exposure(
      '172.24.4.60',
      { type: 'link', answersAt: mac('fa:16:3e:00:00:f0'), proxyNdp: [] },
      { kind: 'vip' },
    );
    expect(added(UNNUMBERED, [vip])).toContain(
      'local OVN MAC binding 172.24.4.60 is fa:16:3e:00:00:f0 on bgp-router-openstack',
    );
    expect(reasons(UNNUMBERED, [exposure('172.24.4.60', onLink(), { kind: 'vip' })])).toEqual([
      expect.stringMatching(/^172\.24\.4\.60\/32: no MAC address is known/),
    ]);
  });

  it('has a side for each provider bridge', () => {
    const node: OvnNode = {
      ...UNNUMBERED,
      mappings: 'provider1:br-osp,provider2:br-osp2',
      localMappings: 'bgp-ex:br-ex,bgp-ex-2:br-ex-2,bgp-osp:br-osp,second:br-osp2',
      bridges: [
        ...(UNNUMBERED.bridges ?? []),
        bridge('br-osp2', '52:54:00:00:00:98', [], [port('patch-provnet-2-to-br-int', 3, { type: 'patch' })]),
      ],
      patches: { 'provnet-1': 3, 'provnet-2': 4 },
    };
    const second = exposure('172.26.0.1', onLink(VM_MAC), {
      network: { name: 'second', physicalNetwork: 'provider2', bridge: 'br-osp2', localnet: 'provnet-2' },
    });
    expect(added(node, [second])).toEqual(
      expect.arrayContaining([
        'local OVN route of bgp-router 172.26.0.1/32 via 172.26.0.1 port bgp-router-openstack.second',
      ]),
    );
    expect(texts(node)).toContain(
      'local OVN router port bgp-router-openstack.second on bgp-router mac 40:44:00:00:00:06 networks 169.254.191.1/30',
    );
  });

  it('follows the next hops of FRR, and keeps the last ones when none is left', () => {
    const [first] = unnumberedHops();
    const ways = (nextHops: readonly (typeof first)[]): string[] =>
      texts({ ...UNNUMBERED, local: { nextHops: nextHops.filter((hop) => hop !== undefined) } }).filter(
        (line) => line.includes('route of'),
      );
    expect(ways([first])).toEqual([
      'local OVN route of bgp-router 0.0.0.0/0 via 169.254.1.1 port bgp-router-bgp-ex',
    ]);
    expect(ways(unnumberedHops())).toHaveLength(4);
  });
});

/** Each by its name in the notes on the method. */
describe('traps', () => {
  const stageIndex = (name: string): number => STAGE_ORDER.indexOf(name);

  it('T1: the static MAC entry comes before the rows that make the patch ports, and goes after them', () => {
    const { objects } = wired(UNNUMBERED);
    const entry = objects.find(({ object }) => object.kind === 'fdb');
    const row = objects.find(({ object }) => object.kind === 'local-row');
    if (entry === undefined || row === undefined) throw new Error('neither is wired');
    expect(stageIndex(addStageOf(entry.object))).toBeLessThan(stageIndex(addStageOf(row.object)));
    expect(stageIndex(removeStageOf(entry.object))).toBeGreaterThan(stageIndex(removeStageOf(row.object)));
  });

  it('T2: what the leaf answers goes to OVN and to the kernel, and the leaf is bound where its MAC is known', () => {
    const all = texts(NUMBERED);
    expect(all).toContain(
      'flow br-ex cookie=0x3e7 priority=1050,arp,in_port=1,arp_op=2 actions=output:7,NORMAL',
    );
    expect(all).toContain('local OVN MAC binding 100.64.11.1 is 02:aa:00:00:00:01 on bgp-router-bgp-ex');
  });

  it('T3: BFD is steered to OVN only when OVN runs it; all sessions down names the other owner', () => {
    expect(texts(NUMBERED).some((line) => /3784|BFD/.test(line))).toBe(false);
    const down: OvnNode = {
      cluster: EXAMPLE,
      local: {
        bfdStatus: new Map([
          ['BFD bgp-router-bgp-ex 100.65.3.5', 'down'],
          ['BFD bgp-router-bgp-ex-2 100.64.0.5', 'down'],
        ]),
      },
    };
    expect(reasons(down)).toEqual([expect.stringMatching(/all BFD sessions .* must not run BFD/)]);
  });

  it('T3: a session that is down while FRR routes through its leaf names the other owner of the address', () => {
    const oneDown = (nextHops: readonly ReturnType<typeof nextHop>[]): string[] =>
      reasons({
        cluster: EXAMPLE,
        local: {
          nextHops,
          bfdStatus: new Map([
            ['BFD bgp-router-bgp-ex 100.65.3.5', 'down'],
            ['BFD bgp-router-bgp-ex-2 100.64.0.5', 'up'],
          ]),
        },
      });
    const both = [nextHop(4, 'br-ex', '100.65.3.5'), nextHop(4, 'br-ex-2', '100.64.0.5')];
    expect(oneDown(both)).toEqual([
      expect.stringMatching(/^uplink bgp-ex: .* with 100\.65\.3\.5 is down, though FRR .* must not run BFD/),
    ]);
    // A leaf that is gone for FRR as well is no riddle.
    expect(oneDown(both.slice(1))).toEqual([]);
  });

  it('T4: host-routes needs no BFD of OVN, whose controller would become the weakest part', () => {
    expect(ovnInput({ cluster: { shape: 'host-routes' } }).config.localOvnCluster.bfd).toBe(false);
    expect(texts(UNNUMBERED).some((line) => line.includes('BFD'))).toBe(false);
  });

  it('T5: an uplink whose NIC has no carrier is none, though its bridge is up', () => {
    const [first, ...others] = UNNUMBERED.bridges ?? [];
    if (first === undefined) throw new Error('no bridge');
    const cut = { ...first, ports: first.ports.map((each) => ({ ...each, carrier: false })) };
    const node = { ...UNNUMBERED, bridges: [cut, ...others] };
    expect(texts(node).filter((line) => line.includes('route of'))).toEqual([
      'local OVN route of bgp-router 0.0.0.0/0 via 169.254.2.1 port bgp-router-bgp-ex-2',
      'local OVN route of bgp-router ::/0 via fe80::1 port bgp-router-bgp-ex-2',
    ]);
  });

  it('T6: the kernel is kept from answering on a NIC that it can still see', () => {
    const sysctls = (node: OvnNode): string[] =>
      lines(wired(node).objects).filter((line) => line.includes('eth1'));
    expect(sysctls(UNNUMBERED)).toEqual([
      'sysctl net/ipv4/conf/eth1/arp_ignore=8',
      'sysctl net/ipv6/conf/eth1/disable_ipv6=1',
    ]);
    const dpdk = (UNNUMBERED.bridges ?? []).map((each) => ({
      ...each,
      ports: each.ports.map((one) => ({ ...one, inKernel: false })),
    }));
    expect(sysctls({ ...UNNUMBERED, bridges: dpdk })).toEqual([]);
  });

  it('T8: flows follow the number of the patch port', () => {
    const bridges = (UNNUMBERED.bridges ?? []).map((each) => ({
      ...each,
      ports: each.ports.map((one) => (one.ofport === 7 ? { ...one, ofport: 12 } : one)),
    }));
    const flows = texts({ ...UNNUMBERED, bridges }).filter((line) => line.startsWith('flow br-ex '));
    expect(flows.length).toBeGreaterThan(0);
    expect(flows.every((line) => line.includes('output:12'))).toBe(true);
  });

  it('T9: conntrack zones that the two controllers share are told of', () => {
    expect(reasons({ ...UNNUMBERED, local: { ...UNNUMBERED.local, zoneRange: false } })).toEqual([
      expect.stringContaining('ct-zone-range-bgp is not set'),
    ]);
  });

  it('T12: the router does not answer when a workload announces its own address', () => {
    const acls = added(UNNUMBERED, [exposure('172.24.4.10', onLink(VM_MAC))]).filter((line) =>
      line.includes('ACL'),
    );
    expect(acls).toEqual([expect.stringContaining('arp.tpa == 172.24.4.10 drop')]);
  });

  it('T13: the inner MAC address is the same on every node', () => {
    const inner = texts(UNNUMBERED).filter((line) => line.includes('router port bgp-router-openstack'));
    expect(inner).toEqual([expect.stringContaining('mac 40:44:00:00:00:06')]);
  });

  it('T14: no policy has a link-local next hop', () => {
    const node: OvnNode = {
      ...UNNUMBERED,
      cluster: { shape: 'compatible', bfd: false, providerNetworksPoolPrefixes: [prefix('172.24.4.0/24')] },
    };
    expect(texts(node).filter((line) => line.includes('policy'))).toEqual([
      'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" && ip4 reroute 169.254.1.1 169.254.2.1',
      'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" && ip6 reroute fd53:d91e:400:bf::1:1 fd53:d91e:400:bf::2:1',
    ]);
  });

  it('T17: flows for IPv6 match what Open vSwitch accepts', () => {
    const flows = added(UNNUMBERED, [exposure('2001:db8:4::10', onLink(VM_MAC))]).filter((line) =>
      line.startsWith('flow br-ex '),
    );
    expect(flows).toEqual([expect.stringContaining('ipv6,in_port=1,ipv6_dst=2001:db8:4::10 ')]);
  });

  it('T18: a tenant network inside the provider prefixes is not announced', () => {
    const via = { type: 'via', via: ip('172.16.0.50'), mac: mac('fa:16:3e:00:00:f0') } as const;
    const subnet = exposure('192.168.100.0/25', via, { kind: 'tenant-subnet' });
    expect(added({ cluster: EXAMPLE }, [subnet])).toEqual([]);
    expect(reasons({ cluster: EXAMPLE }, [subnet])).toEqual([
      expect.stringMatching(/192\.168\.100\.0\/25: it lies inside 192\.168\.100\.0\/24/),
    ]);
  });
});

describe('what is missing', () => {
  const vm = exposure('172.24.4.10', onLink(VM_MAC));

  it.each<[string, OvnNode, RegExp]>([
    ['no mappings', { localMappings: '' }, /ovn-bridge-mappings-bgp .* is not set/],
    ['no uplink', { ...UNNUMBERED, localMappings: 'bgp-osp:br-osp' }, /names no bridge to the fabric/],
    [
      'provider bridge not mapped',
      { ...UNNUMBERED, localMappings: 'bgp-ex:br-ex' },
      /br-osp is not in ovn-bridge-mappings-bgp/,
    ],
    ['no route out', { ...UNNUMBERED, local: {} }, /no next hop is known behind bridge br-ex/],
    [
      'only IPv6 ways out',
      { ...UNNUMBERED, local: { nextHops: unnumberedHops().filter(({ family }) => family === 6) } },
      /no uplink has an IPv4 next hop/,
    ],
    [
      'unknown leaf',
      { ...UNNUMBERED, local: { nextHops: [nextHop(4, 'br-ex', 'fe80::1')] } },
      /the MAC address of fe80::1 on bridge br-ex/,
    ],
    [
      'NIC elsewhere',
      { ...UNNUMBERED, cluster: { shape: 'host-routes', externalNics: ['eth9'] } },
      /has none of external_nics/,
    ],
    ['patch port absent', { ...UNNUMBERED, patches: {} }, /no patch port "patch-provnet-1-to-br-int"/],
    [
      "no patch port to the node's own OVN",
      { ...UNNUMBERED, bridges: withoutInnerPatch() },
      /br-osp has no patch port "patch-bgp-osp-localnet-to-br-bgp" yet; the node's own ovn-controller makes it/,
    ],
    [
      'bridges of different types',
      {
        ...UNNUMBERED,
        bridges: (UNNUMBERED.bridges ?? []).map((each) =>
          each.name === 'br-osp' ? { ...each, datapathType: 'system' } : each,
        ),
      },
      /different datapath types/,
    ],
    [
      "somebody else's database",
      { ...UNNUMBERED, local: { ...UNNUMBERED.local, foreign: 'a cloud' } },
      /a cloud/,
    ],
    [
      'database not read',
      { ...UNNUMBERED, local: { ...UNNUMBERED.local, capabilities: undefined } },
      /has not been read yet/,
    ],
  ])('is told: %s', (_name, node, reason) => {
    expect(reasons(node, [vm]).join('\n')).toMatch(reason);
  });

  it('keeps traffic away from a router that has no way in or out yet, whose rows are made all the same', () => {
    for (const bridges of [withoutInnerPatch(), withoutOuterPatches()]) {
      const node = { ...UNNUMBERED, bridges };
      const all = texts(node, [vm]);
      expect(all.filter((line) => line.startsWith('flow br-osp '))).toEqual([]);
      expect(all.filter((line) => line.includes('nw_dst=172.24.4.10'))).toEqual([]);
      expect(all).toContain(`local OVN MAC binding 172.24.4.10 is ${VM_MAC} on bgp-router-openstack`);
      expect(all.filter((line) => line.startsWith('addr '))).toEqual([]);
    }
  });

  it('is no reason to advertise', () => {
    const announced = wired({ ...UNNUMBERED, patches: {} }, [vm]).objects.filter(
      ({ role }) => role === 'advertise',
    );
    expect(announced).toEqual([]);
  });
});

function withoutPorts(pattern: RegExp): NonNullable<OvnNode['bridges']> {
  return (UNNUMBERED.bridges ?? []).map((each) => ({
    ...each,
    ports: each.ports.filter(({ name }) => !pattern.test(name)),
  }));
}

function withoutInnerPatch(): NonNullable<OvnNode['bridges']> {
  return withoutPorts(/^patch-bgp-osp-/);
}

function withoutOuterPatches(): NonNullable<OvnNode['bridges']> {
  return withoutPorts(/^patch-bgp-ex/);
}
