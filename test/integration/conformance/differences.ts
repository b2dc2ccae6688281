/**
 * Every deliberate difference from the Python agent, for what is exposed and what carries it.
 *
 * The one source of `docs/differences.md` and of what the conformance tests let pass. A difference that shows in a
 * captured state names its lines, and they must really differ there; any other names the test that shows it.
 */

/** A test by its file and a part of its title, as the file has it. */
export interface Proof {
  readonly file: string;
  readonly title: string;
}

export interface Difference {
  /** What it is about; unique. */
  readonly what: string;
  readonly python: string;
  readonly agent: string;
  readonly why: string;
}

/** Shows in a captured state, on every node. */
export interface StateDifference extends Difference {
  readonly captured: readonly string[];
  readonly computed: readonly string[];
}

/** Shows when a captured node is adopted: objects that are changed in place. */
export interface AdoptionDifference extends Difference {
  readonly changed: readonly string[];
}

/** Shows in a captured state when the other driver reads the cloud. */
export interface DriverDifference extends Difference {
  /** Lines by captured node that the Northbound driver makes and the Southbound driver does not. */
  readonly northbound: Readonly<Record<'compute1' | 'compute2' | 'gw1', readonly string[]>>;
}

export interface ProvenDifference extends Difference {
  readonly proof: Proof;
}

const REAL_KERNEL = 'test/integration/node/real-kernel.test.ts';
const UNDERLAY = 'src/wiring/underlay.test.ts';
const PROVIDER_PORT = 'src/exposures/provider-port.test.ts';
const RECONCILER = 'src/agent/reconciler.test.ts';
const ADOPTION = 'test/integration/conformance/adoption.test.ts';
const FLOATING_IP = 'src/exposures/floating-ip.test.ts';
const LOAD_BALANCER = 'src/exposures/load-balancer.test.ts';
const TENANT_SUBNET = 'src/exposures/tenant-subnet.test.ts';
const TENANT_HOST = 'src/exposures/tenant-host.test.ts';
const EXPOSED_EXAMPLES = 'src/exposures/worked-examples.test.ts';
const WIRED_EXAMPLES = 'src/wiring/worked-examples.test.ts';

export const STATE_DIFFERENCES: readonly StateDifference[] = [
  {
    what: 'Addresses of a provider bridge, the n-th in `ovn-bridge-mappings`',
    python: '4.0.0: `169.254.0.<n>` and `fd53:d91e:400:7f17::<n>`. Later versions: as this agent.',
    agent: '`169.254.<n>.<n>` and `fd53:d91e:400:7f17::<n>:<n>`',
    why:
      'Leaves room for addresses of VLAN devices on several bridges. The new ones are there before the old ones go. ' +
      'FRR announces the IPv6 one from every node, as before, where `redistribute connected` of the default instance is not filtered.',
    captured: ['address 169.254.0.1/32 dev br-ex', 'address fd53:d91e:400:7f17::1/128 dev br-ex'],
    computed: ['address 169.254.1.1/32 dev br-ex', 'address fd53:d91e:400:7f17::1:1/128 dev br-ex'],
  },
  {
    what: 'Addresses of a VLAN device',
    python: '4.0.0: none. Later versions: as this agent.',
    agent: '`169.254.<n>.<tag modulo 256>` and `fd53:d91e:400:7f17::<n>:<tag modulo 256, in hex>`',
    why: 'The kernel answers ARP and neighbour solicitations on the VLAN with an address of its own.',
    captured: [],
    computed: [
      'address 169.254.1.100/32 dev br-ex.100',
      'address fd53:d91e:400:7f17::1:64/128 dev br-ex.100',
    ],
  },
];

export const ADOPTION_DIFFERENCES: readonly AdoptionDifference[] = [
  {
    what: 'Marks on devices',
    python: 'None.',
    agent:
      'Devices that it makes, and VLAN devices of the Python agent that are wanted, carry the alias `ovn-bgp-agent` (`ip -d link`).',
    why: 'Only a device that carries it is ever deleted. The VRF and the dummy are also recognised by their configured names.',
    changed: ['link br-ex.100 type vlan id 100 on br-ex up'],
  },
];

export const DRIVER_DIFFERENCES: readonly DriverDifference[] = [
  {
    what: 'Neighbour entries of ports and floating IPs',
    python: 'Northbound driver: permanent entries. Southbound driver: of router gateways only.',
    agent: 'The same.',
    why: 'What a permanent entry would say, the kernel asks for. Entries of the other driver are removed when the driver is changed.',
    northbound: {
      compute1: [
        'neighbour 172.24.4.10 lladdr fa:16:3e:00:00:01 dev br-ex permanent',
        'neighbour 2001:db8:4::10 lladdr fa:16:3e:00:00:01 dev br-ex permanent',
      ],
      compute2: [
        'neighbour 172.24.4.120 lladdr fa:16:3e:00:00:e2 dev br-ex permanent',
        'neighbour 172.25.0.10 lladdr fa:16:3e:00:00:04 dev br-ex.100 permanent',
      ],
      gw1: [],
    },
  },
  {
    what: 'Proxied neighbour solicitations for networks of ordinary ports',
    python:
      'Northbound driver: the network addresses. Southbound driver: of virtual ports and router gateways only.',
    agent: 'The same, and `proxy_ndp_addresses` with either driver.',
    why: 'A node with ordinary ports alone needs `proxy_ndp_addresses` with the Southbound driver.',
    northbound: { compute1: ['proxy 2001:db8:4:: dev br-ex'], compute2: [], gw1: [] },
  },
];

export const NODE_DIFFERENCES: readonly ProvenDifference[] = [
  {
    what: 'Marks on rules, routes, neighbours, proxy entries and addresses',
    python: 'None: protocol 0, or `boot` for routes.',
    agent:
      'Protocol 179 (`proto 179` in the output of `ip`). What the Python agent left and is right stays as it is.',
    why: 'Its own objects are told from those of others after a crash, an upgrade or a change of the configuration.',
    proof: { file: REAL_KERNEL, title: 'writes what reads back equal, and writes nothing the second time' },
  },
  {
    what: 'Neighbour entries of virtual ports, Northbound driver',
    python: "A permanent entry with the virtual port's own MAC address.",
    agent: 'None: the kernel asks.',
    why: 'The port that holds the address answers with its own MAC address; the static entry leads nowhere, or to the former holder.',
    proof: { file: UNDERLAY, title: 'a virtual port has no neighbour entry' },
  },
  {
    what: 'Neighbour entries on VLAN devices of bridges with names of more than ten characters',
    python: 'None: written to a device whose name is not cut.',
    agent: 'As on any VLAN device.',
    why: 'Without it the first packets wait for neighbour discovery.',
    proof: { file: UNDERLAY, title: 'numbers addresses by position and shortens names of VLAN devices' },
  },
  {
    what: 'Proxied neighbour solicitations: which addresses',
    python:
      'The network addresses in `neutron:cidrs`; Southbound driver: of virtual ports and router gateways only.',
    agent:
      'The same, and the addresses in `proxy_ndp_addresses`. Northbound driver: also the next hops of `::/0` routes of routers with a gateway on the network.',
    why:
      'A subnet whose IPv6 gateway is not its network address got no answer. The Southbound database does not tell such gateways: ' +
      'with that driver configure them, for networks without virtual ports their network addresses as well.',
    proof: {
      file: PROVIDER_PORT,
      title: 'are network addresses, next hops of routers and configured ones, for IPv6 only',
    },
  },
  {
    what: 'Proxied neighbour solicitations: when they end',
    python: 'The entry is removed with the first port that goes, or never.',
    agent: 'It goes with the last exposure that needs it.',
    why: 'The remaining ports of the network keep their gateway, and nothing is left behind.',
    proof: {
      file: UNDERLAY,
      title: 'are proxied once for all ports of the network, and only while one has an IPv6 address',
    },
  },
  {
    what: 'Proxied neighbour solicitations for an address of the port itself',
    python: 'Made when `neutron:cidrs` says so (a /128).',
    agent: 'Not made.',
    why: "The node would answer in the port's place.",
    proof: { file: PROVIDER_PORT, title: 'are never an address of the port itself' },
  },
  {
    what: 'A withdrawn address',
    python: 'Its route and neighbour stay when anything fails on the way; on VLANs they always stay.',
    agent: 'Address, rule, route and neighbour go, the address first.',
    why: 'Leftovers divert the traffic of whoever has the address next.',
    proof: { file: UNDERLAY, title: 'goes through the VLAN device and leaves nothing behind' },
  },
  {
    what: 'Leftovers: rules, routes, neighbours, proxy entries and addresses that nobody needs',
    python:
      'Surplus addresses, rules and flows are removed at a sync; routes, neighbours and proxy entries stay for good.',
    agent: 'All of them are removed, whichever of the two agents made them.',
    why: 'The whole content of the tables and devices of the agent is compared with what is wanted.',
    proof: {
      file: REAL_KERNEL,
      title: 'adopts what its predecessor left, without a write where it is right',
    },
  },
  {
    what: 'Rules with host bits (`to 192.168.1.1/26`)',
    python: 'Written for tenant subnets.',
    agent: 'Recognised, and written anew as the network (`to 192.168.1.0/26`) where wanted.',
    why: 'To the kernel the two are different rules.',
    proof: { file: 'src/node/node.test.ts', title: 'writes rules with host bits anew, the right one first' },
  },
  {
    what: 'Flows on a provider bridge',
    python: 'For every patch port named `patch-provnet-*`.',
    agent:
      'For the patch ports of localnet ports whose physical network is mapped to the bridge, whatever their names.',
    why: 'Works without Neutron, and leaves patch ports alone that have nothing to do with the mapped networks.',
    proof: { file: UNDERLAY, title: 'leaves networks alone whose physical network is not mapped here' },
  },
  {
    what: 'Names of more than 15 characters',
    python: 'Cut to 15; what has the shorter name is used or made.',
    agent:
      'Refused: a bridge with such a name in `ovn-bridge-mappings` is ignored with a warning. VLAN devices keep the ten characters of the bridge and the tag.',
    why: 'The cut name may be that of another device.',
    proof: { file: 'src/base/bridge-mappings.test.ts', title: 'as the name of a bridge' },
  },
  {
    what: 'Bridges whose VLAN devices would have the same names',
    python: 'Share the devices.',
    agent: 'VLAN networks of the second bridge wait, with a reason.',
    why: 'One of the bridges would get the traffic of both.',
    proof: {
      file: UNDERLAY,
      title: 'refuses VLANs of a bridge whose VLAN devices would have the names of another one',
    },
  },
  {
    what: 'A mapped OVS bridge that does not exist',
    python: 'A Linux bridge of that name is made in its place.',
    agent: 'Nothing is made; exposures on it wait and complete by themselves.',
    why: 'A Linux bridge leads nowhere, and is in the way when Open vSwitch makes the right one.',
    proof: { file: UNDERLAY, title: 'only what needs no device, no replacement' },
  },
  {
    what: 'VLAN devices and bridge addresses that an operator made',
    python: 'VLAN devices on mapped bridges are deleted when no network has their tag.',
    agent: 'Used where wanted, never deleted.',
    why: 'They are not its own.',
    proof: { file: ADOPTION, title: 'leaves alone what an operator put beside it' },
  },
  {
    what: 'Kernels without 802.1Q devices',
    python: 'Fails.',
    agent: 'A tagged internal port of the bridge does the same (`vlan_handover`).',
    why: 'VLAN networks work there, too.',
    proof: { file: UNDERLAY, title: 'uses a tagged port of the bridge with vlan_handover' },
  },
  {
    what: '`rt_tables`',
    python: 'Fails where `/etc/iproute2/rt_tables` does not exist; a new number is a random free one.',
    agent:
      "Made from the distribution's own file; a new number is the lowest that no name, rule, route or VRF uses. Existing numbers are kept.",
    why: 'Recent distributions ship the file elsewhere; policy routing uses tables without giving them names.',
    proof: {
      file: 'src/node/node-files.test.ts',
      title: "is made from the distribution's own when it is missing",
    },
  },
  {
    what: 'FRR configuration',
    python: 'Pushed with `vtysh` every `frr_reconcile_interval`; nothing is ever taken out.',
    agent:
      'Compared every `frr_reconcile_interval` and after a restart of bgpd. Missing lines are entered, surplus ' +
      "`redistribute` lines of the VRF's instance are taken out, an instance of another AS is replaced.",
    why: 'A changed AS or router id takes effect, and a right configuration is never touched.',
    proof: {
      file: 'test/integration/frr/vty-frr.test.ts',
      title: 'a stanza that stands already opens no configuration session',
    },
  },
  {
    what: '`clear_vrf_routes_on_startup`',
    python: "The VRF's table is emptied once at start.",
    agent:
      'Accepted without effect: unmarked routes on the dummy in that table are compared and removed at any time, routes of others stay.',
    why: 'Emptying it would withdraw what is right.',
    proof: { file: ADOPTION, title: 'removes stale routes of the VRF and nothing else there' },
  },
];

export const EXPOSURE_DIFFERENCES: readonly ProvenDifference[] = [
  {
    what: 'A provider port that also has a floating IP, Northbound driver',
    python: 'A sync exposes the floating IP only.',
    agent: 'The own address of the port is exposed, whatever else it has.',
    why: 'The address is in use.',
    proof: { file: UNDERLAY, title: 'keeps its own address exposed when it has a floating IP' },
  },
  {
    what: 'Ports that do not name their network, Northbound driver',
    python: 'Skipped without `neutron:network_name`.',
    agent: 'Belong to the logical switch that contains them.',
    why: 'Plain OVN has no such key.',
    proof: {
      file: 'src/ovn/northbound.test.ts',
      title: 'that name no network belong to the switch that contains them',
    },
  },
  {
    what: 'Live migration, Northbound driver',
    python: 'A full sync while the port is down withdraws the address on both nodes.',
    agent: 'The destination keeps it for `migration_grace` while the port is not up yet.',
    why: 'Make before break.',
    proof: {
      file: UNDERLAY,
      title: 'is announced by both nodes until the port is up on the destination, and survives the gap',
    },
  },
  {
    what: 'Live migration, Southbound driver',
    python: 'Looks at the primary binding only.',
    agent: 'Source and destination both announce while the port has an additional binding.',
    why: 'OVN delivers to all bindings of such a port.',
    proof: { file: 'src/ovn/residence.test.ts', title: 'destination of a migration' },
  },
  {
    what: 'Ports that are bound but not up, Southbound driver',
    python: 'Not exposed by an event, exposed by a sync.',
    agent: 'Not exposed.',
    why: 'Their traffic has nowhere to go.',
    proof: { file: 'src/ovn/residence.test.ts', title: 'bound, down' },
  },
  {
    what: 'Addresses that nobody can mean: unspecified, loopback, link-local, multicast, mapped',
    python: 'Not checked.',
    agent: 'Refused, with a warning that names the row.',
    why: 'One bad row must not harm the fabric. `allowed_prefixes` restricts further.',
    proof: { file: PROVIDER_PORT, title: 'a loopback address' },
  },
  {
    what: 'Rows that make no sense',
    python: 'An exception ends the sync: what comes after the row is not handled until the next one.',
    agent: 'The address or the row is left out, with a reason; nothing else is affected.',
    why: 'One bad row must not harm others.',
    proof: { file: PROVIDER_PORT, title: 'is only the bad one of several addresses' },
  },
  {
    what: 'Two ports with the same address',
    python: 'Whichever came last, until one of them goes.',
    agent:
      'One of them by a fixed order, the same on every start; the other is reported and takes over when the first goes.',
    why: 'Predictable, and visible.',
    proof: {
      file: RECONCILER,
      title: 'gives an address to one of two claimants, and to the other when that one goes',
    },
  },
  {
    what: 'Patch port or device not there yet',
    python: 'Waits up to 5 seconds, then fails until the next sync.',
    agent: 'Wired as far as possible, not announced, completed as soon as it appears.',
    why: 'What is announced can be reached.',
    proof: { file: RECONCILER, title: 'waits for a patch port without announcing, and completes by itself' },
  },
  {
    what: 'A router named with and without `neutron-`, Northbound driver',
    python:
      'Tenant networks, VIPs and port forwardings behind it are not exposed with Neutron 27 and later, which write the prefix.',
    agent: 'The prefix does not count, in any reference to a router.',
    why: 'Rows of both forms stand beside each other during an upgrade.',
    proof: {
      file: 'src/ovn/northbound-routers.test.ts',
      title: 'finds its router by %s, whatever the router is called',
    },
  },
  {
    what: 'Floating IPs, Northbound driver',
    python:
      'Found through `neutron:port_fip` of their port: a changed address, a changed port or a late `external_mac` is not seen or not at once.',
    agent: 'Found through their NAT rows.',
    why: 'The NAT row is what OVN itself acts on.',
    proof: {
      file: FLOATING_IP,
      title: 'D-04: derives from its NAT row alone, whatever the port says of it, and follows the row',
    },
  },
  {
    what: 'Centralised floating IPs whose NAT row names no `gateway_port`',
    python: 'Never exposed.',
    agent: 'Exposed where a gateway port of their router is.',
    why: 'Recent Neutron sets the column with distributed floating IPs only.',
    proof: { file: FLOATING_IP, title: 'D-05: needs no gateway port in its row: any of the router serves' },
  },
  {
    what: 'Failover of a router gateway, Southbound driver',
    python: 'Floating IPs that live with the gateway stay announced by the old node until the next sync.',
    agent: 'They leave with the gateway.',
    why: 'The old node does not reach them any more.',
    proof: { file: EXPOSED_EXAMPLES, title: 'D-06: keeps what is here when the gateway moves away' },
  },
  {
    what: 'Floating IPs of Octavia VIPs and of members of a load balancer',
    python: 'With distributed floating IPs not exposed, where they have no `external_mac`.',
    agent: 'Exposed on the gateway node.',
    why: 'The port of a VIP is never up, so Neutron never fills in the MAC address.',
    proof: {
      file: LOAD_BALANCER,
      title: "D-27: with the gateway's, since its port is never up and gets none",
    },
  },
  {
    what: 'Port forwarding',
    python: 'The address of the first key of `vips`, when the load balancer is made.',
    agent: 'The addresses of all keys, IPv6 too; later changes count.',
    why: 'The others are in use as well.',
    proof: { file: LOAD_BALANCER, title: 'D-15: has every address of its keys exposed, IPv6 too, each once' },
  },
  {
    what: 'Keys of `vips` with brackets (`[2001:db8::1]:80`)',
    python: 'Cut at the wrong colon.',
    agent: 'Read as address and port.',
    why: 'IPv6 VIPs work.',
    proof: { file: 'src/exposures/vip-keys.test.ts', title: 'D-16: a key of vips' },
  },
  {
    what: 'Router interfaces with several addresses',
    python: 'Southbound driver: the first address only.',
    agent: 'Every address is a subnet.',
    why: 'Dual-stack networks.',
    proof: {
      file: TENANT_SUBNET,
      title: 'D-09: has no host bits; D-07: is every one of the interface, once',
    },
  },
  {
    what: '`require_snat_disabled_for_tenant_networks`',
    python:
      'Northbound driver: the subnet is kept in, addresses of its hosts may still be announced. Southbound driver: no effect.',
    agent:
      'Northbound driver: subnet and hosts are kept in. Southbound driver: no effect, as before: that database has no translation rules.',
    why: 'An address without a way to it must not be announced.',
    proof: {
      file: WIRED_EXAMPLES,
      title: 'example 8: a subnet that the router translates stays in, hosts and all',
    },
  },
  {
    what: 'Tenant hosts outside every exposed subnet, and those of a subnet that is filtered out',
    python: 'Announced with their network.',
    agent: 'Not announced; the denial says which filter it was.',
    why: 'The node has no route to them.',
    proof: { file: TENANT_HOST, title: 'D-12: is exposed only inside a subnet that is' },
  },
  {
    what: 'Tenant networks, and addresses, that the node needs itself',
    python:
      'Exposed: a tenant who attaches the range of the databases or of the fabric cuts the node off them.',
    agent:
      'Refused with a warning: own addresses, connected networks, BGP peers, next hops, databases and tunnel endpoints (docs/operations.md).',
    why: 'A tenant must not be able to hurt a node.',
    proof: {
      file: 'src/exposures/needed.test.ts',
      title: 'is refused where it contains what the node needs, and says what',
    },
  },
  {
    what: 'Southbound driver: private VIPs in `nat_addresses`',
    python: 'Announced as translated addresses, whatever the options for tenant networks say.',
    agent: 'Left to their load balancers, which are announced where the options say so.',
    why: 'An option that keeps tenants in must keep all of their addresses in.',
    proof: {
      file: 'src/exposures/southbound-clouds.test.ts',
      title: 'the private VIP of a load balancer is announced %s',
    },
  },
  {
    what: 'Two tenants with the same subnet behind gateways of one node',
    python: 'Rules and routes of the last one; hosts of both are announced.',
    agent:
      'The subnet of one of them by a fixed order, and only the hosts inside it; the others are denied with the row that has it.',
    why: 'One routing table has one way to a prefix.',
    proof: {
      file: 'src/exposures/evaluate.test.ts',
      title: 'are not mixed up: the hosts of the one that has the prefix are exposed, the others told why',
    },
  },
  {
    what: 'Router interfaces on provider networks of this node',
    python: 'Exposed as subnets through the gateway.',
    agent: 'Not exposed as subnets: addresses of the network are exposed one by one where their ports are.',
    why: 'The prefix would draw traffic of ports on other nodes to the gateway node.',
    proof: { file: TENANT_SUBNET, title: 'not on a provider network, whose ports are exposed themselves' },
  },
  {
    what: 'IPv6 prefixes with `advertisement_method_tenant_networks = subnet`',
    python:
      "Refused by the kernel: the route in the VRF's table has a local address as its gateway. The other subnets of the interface are lost with it.",
    agent: 'A route to the dummy without a gateway.',
    why: "FRR needs the prefix, not the way; traffic is routed in the bridge's table.",
    proof: {
      file: WIRED_EXAMPLES,
      title: "D-30: an IPv6 prefix stands in the VRF's table without a gateway",
    },
  },
  {
    what: 'Southbound driver, `advertisement_method_tenant_networks = subnet`',
    python: 'Hosts are announced one by one, as with `host`; only what FRR redistributes changes.',
    agent: 'The subnets are announced and their hosts are not, as with the Northbound driver.',
    why: 'The option means the same with either driver.',
    proof: {
      file: 'src/exposures/southbound-clouds.test.ts',
      title: 'announces subnets instead of hosts where the option says so, as the Northbound driver does',
    },
  },
  {
    what: 'Port and floating IP in a live migration',
    python: 'The floating IP is withdrawn on both nodes while the port is down.',
    agent:
      "The source announces the floating IP until the port is the destination's alone, then the destination does, before the port is up, within `migration_grace`; the port's own addresses are announced by both.",
    why: 'Make before break, and OVN translates at the main binding alone.',
    proof: { file: FLOATING_IP, title: 'D-29: keeps the MAC address it had %s' },
  },
  {
    what: "Clouds without Neutron's keys",
    python: 'Not exposed.',
    agent: 'Ports, gateways, translations and load balancers are read from what OVN itself has (`cms`).',
    why: 'OVN has more users than Neutron.',
    proof: { file: 'src/ovn/bindings.test.ts', title: 'is read from what OVN itself has' },
  },
  {
    what: 'Several gateway ports of a router',
    python: 'Any of them serves; a floating IP is exposed on the network that its row names.',
    agent:
      'As OVN decides: `gateway_port` of the row, else the port in whose network the address is ([placement](reference/placement.md)).',
    why: 'OVN answers for the address there alone.',
    proof: {
      file: 'src/ovn/northbound-nat.test.ts',
      title: 'belongs to the one that it names, else to the one in whose network its address is',
    },
  },
  {
    what: 'NAT rows of type `snat` and `dnat`, Northbound driver',
    python: 'Not exposed.',
    agent: "Their outside addresses are, where they are not the gateway port's own.",
    why: 'What is translated to the address would have no way back.',
    proof: {
      file: 'src/ovn/northbound-nat.test.ts',
      title: 'of type %s is the outside address of a translation on the gateway',
    },
  },
  {
    what: '`enabled=false` of routers, router ports and switch ports, Northbound driver',
    python: 'Not looked at.',
    agent: 'Nothing of theirs is exposed.',
    why: 'OVN drops what is sent there.',
    proof: {
      file: 'src/ovn/northbound-routers.test.ts',
      title: 'is switched off by its %s, and whatever depends on it is told',
    },
  },
  {
    what: 'Load balancers with nothing behind an address',
    python: 'Exposed.',
    agent:
      'Not exposed. Those whose health checks find no member online are, unless `expose_offline_load_balancers = false`.',
    why: 'OVN drops or rejects what is sent there; another site may serve it.',
    proof: {
      file: 'src/exposures/load-balancer.test.ts',
      title: 'loses the addresses with nothing behind them',
    },
  },
  {
    what: 'Networks with 802.1ad tags (`ethtype`)',
    python: 'Wired with 802.1Q.',
    agent: 'Not wired, denied with a reason.',
    why: 'Tags of the one kind are none of the other.',
    proof: {
      file: 'src/agent/reconciler.test.ts',
      title: 'makes nothing of a network with 802.1ad tags, and takes back what it made before',
    },
  },
  {
    what: 'External ports (SR-IOV, bare metal)',
    python: 'Never exposed.',
    agent: 'As before; with `expose_external_ports` on the node of their HA chassis.',
    why: 'That node answers for them.',
    proof: { file: PROVIDER_PORT, title: 'of type external is one where that is wanted' },
  },
  {
    what: "Operators' marks in `external_ids` (`ovn-bgp-agent:expose`, `ovn-bgp-agent:tag`)",
    python: 'None.',
    agent: 'Select what is announced and with which attributes; a mark that cannot be read keeps the row in.',
    why: 'A portal can say which addresses are announced.',
    proof: { file: 'src/exposures/marks.test.ts', title: 'names the row that says so, and what to write' },
  },
  {
    what: 'Rows with thousands of addresses (load balancers)',
    python: 'All of them, however many.',
    agent: 'The first 1,024 of a row; the surplus is reported.',
    why: 'One row must not fill the routing tables of a fabric.',
    proof: {
      file: LOAD_BALANCER,
      title: 'has an end to its addresses: the surplus of a huge row is one fault',
    },
  },
];

export const PROCESS_DIFFERENCES: readonly ProvenDifference[] = [
  {
    what: '`ovsdb_connection` not set',
    python: 'The socket below `/usr/local`, which no distribution has.',
    agent:
      'The first that answers of the sockets `db.sock` in `ovs_run_dir`, `/run/openvswitch`, `/var/run/openvswitch` and `/usr/local/var/run/openvswitch`.',
    why: 'It works as it is installed.',
    proof: {
      file: 'src/config/assemble.test.ts',
      title: 'looks for the switch where it may be, in the directory of this node first',
    },
  },
  {
    what: 'What somebody else removes from the node',
    python: 'Repaired at the next sync (`reconcile_interval`).',
    agent:
      'Rules, routes, neighbours, proxy entries, addresses, devices, flows and ports within a second; what nobody ' +
      'tells of (settings below /proc/sys, lines of FRR) after `frr_reconcile_interval` at the latest.',
    why: 'The kernel and Open vSwitch tell when something changes.',
    proof: { file: REAL_KERNEL, title: 'within a second' },
  },
  {
    what: 'A sync or a restart with nothing changed',
    python: 'Writes everything anew.',
    agent: 'Writes nothing.',
    why: 'What stands is compared first.',
    proof: { file: ADOPTION, title: 'the whole agent ends there, and its next start writes nothing' },
  },
  {
    what: 'A database that comes back nearly empty, or is so at the start',
    python: 'Believed at once.',
    agent:
      'Additions at once, withdrawals after `withdraw_guard_hold` (see `withdraw_guard_percent`, `withdraw_guard_minimum`).',
    why: 'A restored or broken database must not take a node off the network in an instant.',
    proof: {
      file: RECONCILER,
      title: 'holds back a database that came back nearly empty, but not what it adds',
    },
  },
  {
    what: 'Other bridge mappings, another chassis or host name',
    python: 'Read at the start.',
    agent:
      'Followed; what would withdraw most of what is advertised is held back like an empty database. Emptied ' +
      '`external_ids` change nothing.',
    why: 'A typing error must not take a node off the network either.',
    proof: { file: 'src/agent/withdraw-guard.test.ts', title: 'is held back: %s' },
  },
  {
    what: 'A bridge that is mapped no more, a VRF, dummy or table of a former configuration',
    python: 'Stays as it was.',
    agent:
      'Everything with the marks of the agent is taken back in order, and the settings of the bridge with it.',
    why: 'A bridge with another use must not answer for others, nor divert their traffic.',
    proof: {
      file: 'src/agent/former-bridges.test.ts',
      title: 'is left as it was before the agent came: %s',
    },
  },
  {
    what: "A physical network that is mapped but none of BGP's business",
    python: 'Cannot be left out.',
    agent:
      '`excluded_physical_networks` leaves it and its bridge alone; a NIC in a bridge that is steered is told.',
    why: 'Plain layer 2 beside BGP keeps its gateway on the wire.',
    proof: {
      file: 'src/agent/former-bridges.test.ts',
      title: 'is not announced, its bridge is left alone, and the reason names the option',
    },
  },
  {
    what: 'One object that cannot be written',
    python: 'The sync ends there.',
    agent: 'Its address is not announced; the others go on, and it is tried again with back-off.',
    why: 'One failure stays one failure.',
    proof: {
      file: RECONCILER,
      title: 'does not advertise what could not be wired, goes on with the others, and tries again',
    },
  },
];

export const PROVEN_DIFFERENCES: readonly ProvenDifference[] = [
  ...NODE_DIFFERENCES,
  ...EXPOSURE_DIFFERENCES,
  ...PROCESS_DIFFERENCES,
];
