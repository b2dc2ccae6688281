/**
 * Where this agent must be better than the Python agent, by the numbers of the behaviour reference, each with the tests
 * that fail without it, or with the reason why this version has nothing to be better at.
 */
import type { Proof } from './differences.ts';

export interface Deviation {
  readonly id: string;
  readonly what: string;
  readonly proofs: readonly Proof[];
  /** Present: what it concerns is refused by this version, for this reason. */
  readonly notInThisVersion?: string;
}

const CONFORMANCE = 'test/integration/conformance/conformance.test.ts';
const ADOPTION = 'test/integration/conformance/adoption.test.ts';
const RUN_AGENT = 'test/integration/agent/run-agent.test.ts';
const REAL_KERNEL = 'test/integration/node/real-kernel.test.ts';
const FRR = 'test/integration/frr/vty-frr.test.ts';
const EXAMPLES = 'src/wiring/worked-examples.test.ts';
const EXPOSED_EXAMPLES = 'src/exposures/worked-examples.test.ts';
const UNDERLAY = 'src/wiring/underlay.test.ts';
const FLOATING_IP = 'src/exposures/floating-ip.test.ts';
const LOAD_BALANCER = 'src/exposures/load-balancer.test.ts';
const TENANT_SUBNET = 'src/exposures/tenant-subnet.test.ts';
const NORTHBOUND_NAT = 'src/ovn/northbound-nat.test.ts';
const NORTHBOUND_ROUTERS = 'src/ovn/northbound-routers.test.ts';
const OVN_WIRING = 'src/wiring/ovn.test.ts';
const LOCAL_OVN = 'src/agent/local-ovn.test.ts';
const NODE = 'src/node/node.test.ts';
const RECONCILER = 'src/agent/reconciler.test.ts';
const LIVE_FACTS = 'src/agent/live-facts.test.ts';
const PROPERTIES = 'src/agent/agent.property.test.ts';

const VRF_METHOD = 'exposing_method = vrf is refused';

export const DEVIATIONS: readonly Deviation[] = [
  proven('D-01', 'the Northbound driver works with method underlay', [
    [CONFORMANCE, 'is what this agent wants on %s, but for what is listed'],
  ]),
  proven('D-02', 'references to routers with and without prefix', [
    [EXAMPLES, 'D-02: tenant hosts and port forwardings are found where rows call the router %s'],
    [NORTHBOUND_ROUTERS, 'finds its router by %s, whatever the router is called'],
    ['src/ovn/northbound-load-balancers.test.ts', 'a port forwarding has the router that it calls %s'],
    [
      'src/ovn/southbound-routers.test.ts',
      'name their router by its id, with or without the prefix of some releases',
    ],
  ]),
  proven('D-03', 'BFD rows of the node-local database', [
    [OVN_WIRING, 'is worked example 10'],
    [LOCAL_OVN, 'puts back rows that somebody deleted'],
  ]),
  proven('D-04', 'floating IPs derive from NAT rows', [
    [
      EXAMPLES,
      'D-04: is what its row says, whatever its port says: other address, other port, MAC address that comes late',
    ],
    [
      NORTHBOUND_NAT,
      'is asked again when its row changes, and keeps what the row says whatever the port says',
    ],
    [NORTHBOUND_NAT, 'follows its port, and is its companion'],
  ]),
  proven('D-05', 'centralised floating IPs without gateway_port', [
    [NORTHBOUND_NAT, 'belongs to the one that it names, else to the one in whose network its address is'],
    [
      EXAMPLES,
      'example 4: a centralised floating IP with %s follows the gateway on failover, with nothing left',
    ],
  ]),
  proven('D-06', 'floating IPs leave with the gateway at once', [
    [EXPOSED_EXAMPLES, 'D-06: leaves with the gateway, at once and completely'],
    [EXAMPLES, 'example 11: the Southbound database, and the failover of its gateway'],
  ]),
  proven('D-07', 'all addresses of a router interface are subnets', [
    [TENANT_SUBNET, 'D-09: has no host bits; D-07: is every one of the interface, once'],
    [
      'src/ovn/southbound-routers.test.ts',
      'are all addresses of router ports, with the router and its gateways',
    ],
  ]),
  proven('D-08', 'stale routes, neighbours, proxy entries and prefixes go', [
    [REAL_KERNEL, 'adopts what its predecessor left, without a write where it is right'],
    [ADOPTION, 'removes stale routes of the VRF and nothing else there'],
    [PROPERTIES, 'leaves nothing but the base when everything is gone, and touches nothing foreign'],
  ]),
  proven('D-09', 'rules without host bits; old ones are recognised', [
    [TENANT_SUBNET, 'D-09: has no host bits; D-07: is every one of the interface, once'],
    [NODE, 'writes rules with host bits anew, the right one first'],
  ]),
  proven('D-10', 'proxied neighbour solicitations', [
    [
      'src/exposures/provider-port.test.ts',
      'are network addresses, next hops of routers and configured ones, for IPv6 only',
    ],
    ['src/exposures/gateway.test.ts', 'D-10: has its own next hops answered for, and what is configured'],
    [UNDERLAY, 'are proxied once for all ports of the network, and only while one has an IPv6 address'],
    [PROPERTIES, 'leaves nothing but the base when everything is gone, and touches nothing foreign'],
  ]),
  absent('D-11', 'bookkeeping of EVPN VRFs', VRF_METHOD),
  proven('D-12', 'hosts only inside an exposed subnet', [
    ['src/exposures/tenant-host.test.ts', 'D-12: is exposed only inside a subnet that is'],
    [EXAMPLES, 'example 8: a subnet that the router translates stays in, hosts and all'],
  ]),
  proven('D-13', 'a port with a floating IP keeps its own address', [
    [UNDERLAY, 'keeps its own address exposed when it has a floating IP'],
  ]),
  absent('D-14', 'stretched L2 and gateways elsewhere', 'driver = ovn_stretched_l2_bgp_driver is refused'),
  proven('D-15', 'every address of a port forwarding', [
    [LOAD_BALANCER, 'D-15: has every address of its keys exposed, IPv6 too, each once'],
  ]),
  proven('D-16', 'keys with brackets', [
    ['src/exposures/vip-keys.test.ts', 'D-16: a key of vips'],
    [LOAD_BALANCER, 'D-16: may be IPv6, in brackets'],
  ]),
  proven('D-17', 'leftovers in the node-local database', [
    [LOCAL_OVN, 'T10: withdraws an address with all of its rows and flows'],
    [
      'test/integration/localnb/local-cluster.test.ts',
      'goes from one shape to the other, and to nothing, without a trace',
    ],
  ]),
  proven('D-18', 'everything is watched', [
    [RUN_AGENT, 'D-18: follows ovn-bridge-mappings'],
    [RUN_AGENT, 'D-18: puts back at once what somebody took away'],
    [RUN_AGENT, 'D-18: hands traffic to the MAC address that a bridge has now'],
    [RUN_AGENT, 'D-18: looks by itself, too: puts a setting back that nobody tells of after its %s'],
    [LIVE_FACTS, 'D-18: follows ovn-bridge-mappings while it runs'],
    [RECONCILER, 'waits for a patch port without announcing, and completes by itself'],
    [NODE, 'hears of what others do to its objects, once until it has read again'],
    [NODE, 'hears when the vswitchd lost its flows and when FRR lost its stanzas'],
    [REAL_KERNEL, 'comes back when a bridge is made anew'],
  ]),
  proven('D-19', 'no device in place of a bridge, none of others deleted', [
    [UNDERLAY, 'only what needs no device, no replacement'],
    [ADOPTION, 'leaves alone what an operator put beside it'],
  ]),
  proven('D-20', 'rt_tables', [
    ['src/node/node-files.test.ts', "is made from the distribution's own when it is missing"],
    ['src/wiring/routing-tables.test.ts', 'keeps a number once its line is written'],
  ]),
  proven('D-21', 'no change is lost, however fast', [
    [LIVE_FACTS, 'D-21: ends where the rows end, however fast they change'],
    [PROPERTIES, 'ends where a fresh start over the final rows ends, whatever happened on the way'],
  ]),
  proven('D-22', 'a stop leaves everything as it is, and a command withdraws everything', [
    [RUN_AGENT, 'D-22: leaves everything as it is when it is stopped, and its next start writes nothing'],
    ['src/agent/cleanup.test.ts', 'withdraws before it unwires'],
  ]),
  proven('D-23', 'a right FRR configuration is not touched', [
    [FRR, 'a stanza that stands already opens no configuration session'],
  ]),
  proven('D-24', 'cost linear in exposures', [
    [NODE, 'costs what it looks at: a few keys of 20,000 exposures at once, all of them in a moment'],
    [RECONCILER, 'asks the kernel for nothing but the changed row'],
  ]),
  proven('D-25', 'surplus lines of FRR go', [
    [FRR, 'surplus lines of ours go, others in the same contexts stay'],
    [FRR, 'an instance left by another AS is replaced'],
    [EXAMPLES, 'D-25: FRR redistributes kernel routes while prefixes are announced, and no longer'],
  ]),
  proven('D-26', 'one failure stays one failure', [
    ['src/exposures/evaluate.test.ts', 'D-26: turns an exception into a denial of that row alone'],
    [RECONCILER, 'does not advertise what could not be wired, goes on with the others, and tries again'],
    ['src/agent/hostile-rows.test.ts', 'are denied one by one, and what is sound is exposed'],
  ]),
  proven('D-27', 'floating IPs of VIPs and of members', [
    [LOAD_BALANCER, "D-27: with the gateway's, since its port is never up and gets none"],
    [FLOATING_IP, 'D-27: needs no port, as the members of a load balancer have it'],
    [NORTHBOUND_NAT, 'of Neutron with fip-distributed %s, port %s and MAC %s is %s'],
  ]),
  absent('D-28', 'one address for route distinguisher and VXLAN', 'driver = ovn_evpn_driver is refused'),
  proven('D-29', 'make before break', [
    [EXPOSED_EXAMPLES, 'example 14: D-29: a live migration'],
    [UNDERLAY, 'is announced by both nodes until the port is up on the destination, and survives the gap'],
    [EXAMPLES, 'example 14: the floating IP of a port in a live migration goes its way'],
    [RECONCILER, 'keeps a migrating port for the grace period while it is down, and no longer'],
  ]),
  proven('D-30', 'IPv6 prefixes', [
    [EXAMPLES, "D-30: an IPv6 prefix stands in the VRF's table without a gateway"],
  ]),
];

function proven(
  id: string,
  what: string,
  proofs: readonly (readonly [file: string, title: string])[],
): Deviation {
  return { id, what, proofs: proofs.map(([file, title]) => ({ file, title })) };
}

function absent(id: string, what: string, notInThisVersion: string): Deviation {
  return { id, what, proofs: [], notInThisVersion };
}
