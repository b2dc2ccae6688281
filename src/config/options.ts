/**
 * The option table: every option of `bgp-agent.conf`, once. Parsing, validation, command line flags, help, sample file
 * and reference are made from it. Names, sections and defaults of `python` options are those of the Python agent: an
 * operator's file must mean the same here.
 */
import {
  addressType,
  asNumberType,
  interfaceNameType,
  pathType,
  prefixType,
  programType,
  remotesType,
  remoteType,
  routerIdType,
  routingTableType,
  vrfNameType,
} from './network-values.ts';
import type { OptionSpec, SectionName } from './option.ts';
import { communitiesType, medType } from './route-attribute-values.ts';
import { booleanType, choiceType, integerType, listOf, optional, textType } from './value-types.ts';

/** The longest delay of a Node.js timer, 2^31-1 ms, in whole seconds. */
const MAX_DELAY_SEC = 2_147_483;

const delayType = integerType(1, MAX_DELAY_SEC, 'seconds');
const delayOrZeroType = integerType(0, MAX_DELAY_SEC, 'seconds');
const logPathType = optional(textType('path', 'a path without control characters', /^\P{Cc}+$/u));
const scopeType = textType('address scope id', 'letters, digits and "_.:-"', /^[A-Za-z0-9_.:-]+$/);
/** Becomes the suffix of an `external_ids` key and a chassis name. */
const chassisIdType = textType('chassis id', 'letters, digits and "_.-"', /^[A-Za-z0-9_.-]+$/);
/** As ovn-bridge-mappings has them: what that list cannot hold is no name. */
const physicalNetworkType = textType(
  'physical network',
  'a name without spaces, commas and colons',
  /^[^\s,:\p{Cc}]+$/u,
);
const anyTextType = optional(textType('text', 'any text', /^[^\0]*$/));

function option<T>(
  section: SectionName,
  name: string,
  spec: Pick<OptionSpec<T>, 'type' | 'default' | 'help'> & Partial<OptionSpec<T>>,
): OptionSpec<T> {
  return { origin: 'python', status: 'active', aliases: [], ...spec, section, name };
}

/** The Python agent still reads all options of [ovn] from [DEFAULT] too. */
function ovnOption<T>(name: string, spec: Pick<OptionSpec<T>, 'type' | 'default' | 'help'>): OptionSpec<T> {
  return option('ovn', name, { ...spec, aliases: [{ section: 'DEFAULT', name }] });
}

export const OPTIONS = {
  driver: option('DEFAULT', 'driver', {
    type: choiceType([
      'ovn_bgp_driver',
      'nb_ovn_bgp_driver',
      'ovn_evpn_driver',
      'ovn_stretched_l2_bgp_driver',
    ]),
    default: 'ovn_bgp_driver',
    help: 'What decides which addresses are exposed. ovn_bgp_driver reads the OVN Southbound database, nb_ovn_bgp_driver the Northbound one. ovn_evpn_driver and ovn_stretched_l2_bgp_driver are known, but not part of this version.',
  }),
  cms: option('DEFAULT', 'cms', {
    type: choiceType(['auto', 'neutron', 'ovn']),
    default: 'auto',
    origin: 'own',
    help: 'Who fills the OVN Northbound database. neutron: its keys in external_ids say which network, host and router a row belongs to. ovn: such keys do not count; rows mean what OVN says that they mean, and where ports are bound is read from the Southbound database. auto: told row by row, by whether it has such keys.',
  }),
  exposingMethod: option('DEFAULT', 'exposing_method', {
    type: choiceType(['underlay', 'l2vni', 'vrf', 'dynamic', 'ovn']),
    default: 'underlay',
    help: 'How traffic for exposed addresses reaches OVN. underlay: the kernel routes it from the fabric into the provider bridge. ovn: a second OVN on the node routes it, and the kernel has no part in it; for OVS with DPDK and for hardware offload, with driver nb_ovn_bgp_driver. The others are known, but not part of this version.',
  }),
  advertiseVia: option('DEFAULT', 'advertise_via', {
    type: choiceType(['vrf', 'main']),
    default: 'vrf',
    origin: 'own',
    help: 'Where FRR finds the addresses to announce. vrf: on a dummy device in a VRF of their own, which FRR leaks into the default instance, as the Python agent does it. main: as blackhole routes in the main table, which FRR redistributes; no VRF is made.',
  }),
  vlanHandover: option('DEFAULT', 'vlan_handover', {
    type: choiceType(['auto', 'kernel', 'ovs']),
    default: 'auto',
    origin: 'own',
    help: 'What hands traffic of VLAN provider networks to the kernel. kernel: an 802.1Q device on top of the bridge device. ovs: a tagged internal port of the bridge. auto: the one that the bridge can do.',
  }),
  reconcileInterval: option('DEFAULT', 'reconcile_interval', {
    type: delayType,
    default: '300',
    help: 'Seconds between two audits that compare everything the node holds with what it should hold. Changes are acted on at once and do not wait for it.',
  }),
  frrReconcileInterval: option('DEFAULT', 'frr_reconcile_interval', {
    type: delayType,
    default: '15',
    help: "Seconds between two checks that FRR still has the agent's configuration and the VRF still stands. A restart of FRR is noticed at once and does not wait for it.",
  }),
  ovsdbConnection: option('DEFAULT', 'ovsdb_connection', {
    type: optional(remoteType),
    default: '',
    help: "The node's own Open vSwitch database. Not set: the first that answers of the sockets db.sock in ovs_run_dir, /run/openvswitch, /var/run/openvswitch and /usr/local/var/run/openvswitch; the log says which.",
  }),
  ovsdbConnectionTimeout: option('DEFAULT', 'ovsdb_connection_timeout', {
    type: delayType,
    default: '180',
    help: 'Seconds to wait for an answer of an OVSDB server before the connection counts as lost.',
  }),
  bgpAs: option('DEFAULT', 'bgp_AS', {
    type: asNumberType,
    default: '64999',
    help: 'AS number of the BGP instances in FRR. It must be that of the default instance, which the operator configures.',
  }),
  bgpRouterId: option('DEFAULT', 'bgp_router_id', {
    type: optional(routerIdType),
    default: '',
    help: 'Router id of the BGP instance of the VRF. Not set: FRR chooses.',
  }),
  bgpNic: option('DEFAULT', 'bgp_nic', {
    type: interfaceNameType,
    default: 'bgp-nic',
    help: 'The dummy device in the VRF that holds the exposed addresses.',
  }),
  bgpVrf: option('DEFAULT', 'bgp_vrf', {
    type: vrfNameType,
    default: 'bgp-vrf',
    help: 'The VRF that FRR leaks exposed addresses from. It is made if it is missing.',
  }),
  bgpVrfTableId: option('DEFAULT', 'bgp_vrf_table_id', {
    type: routingTableType,
    default: '10',
    help: 'Routing table of the VRF.',
  }),
  clearVrfRoutesOnStartup: option('DEFAULT', 'clear_vrf_routes_on_startup', {
    type: booleanType,
    default: 'false',
    help: "Remove foreign routes from the VRF's table once at start; those learnt by BGP stay.",
  }),
  excludedPhysicalNetworks: option('DEFAULT', 'excluded_physical_networks', {
    type: listOf(physicalNetworkType, 'physical networks'),
    default: '',
    origin: 'own',
    help: 'Physical networks of ovn-bridge-mappings that are none of the business of BGP on this node: nothing is announced of them, and their bridges are left alone. For plain layer 2 beside BGP: a bridge with a NIC whose machines have their gateway on the wire. What the agent made for a network that is excluded later is taken back.',
  }),
  allowedPrefixes: option('DEFAULT', 'allowed_prefixes', {
    type: listOf(prefixType, 'prefixes'),
    default: '',
    origin: 'own',
    help: 'Announce only addresses inside one of these. Empty: no restriction. Default routes, loopback, link-local and multicast addresses are never announced, whatever stands here.',
  }),
  proxyNdpAddresses: option('DEFAULT', 'proxy_ndp_addresses', {
    type: listOf(addressType(6), 'IPv6 addresses'),
    default: '',
    origin: 'own',
    help: 'Further IPv6 addresses, such as gateways that OVN does not know of, for which the node answers neighbour solicitations on every provider network.',
  }),
  communities: option('DEFAULT', 'communities', {
    type: listOf(communitiesType, 'communities'),
    default: '',
    origin: 'own',
    help: 'BGP communities of announced routes by kind of address or by the tag that external_ids:ovn-bgp-agent:tag of a row gives, for example floating-ip=64999:100,tag:gold=64999:666+no-export. Kinds are provider-port, virtual-port, external-port, gateway, floating-ip, central-floating-ip, vip, vip-floating-ip, port-forwarding, tenant-subnet, tenant-host and tenant-vip. A tag goes before the kind. Add new tags at the end: an earlier place renumbers the others, whose routes are then announced anew once.',
  }),
  meds: option('DEFAULT', 'meds', {
    type: listOf(medType, 'MEDs'),
    default: '',
    origin: 'own',
    help: 'Multi-exit discriminator of announced routes by kind of address or tag, as in communities, for example gateway=10,tag:backup=200. 0 for all others.',
  }),
  exposeUnmarked: option('DEFAULT', 'expose_unmarked', {
    type: booleanType,
    default: 'true',
    origin: 'own',
    help: 'What counts where OVN says nothing. true: everything is exposed but what is marked ovn-bgp-agent:expose=false in external_ids of its row, its switch or its router. false: only what is marked ovn-bgp-agent:expose=true.',
  }),
  exposeExternalPorts: option('DEFAULT', 'expose_external_ports', {
    type: booleanType,
    default: 'false',
    origin: 'own',
    help: 'Expose ports of type external (SR-IOV, bare metal) on provider networks, on the node that is active in their HA chassis group.',
  }),
  exposeOfflineLoadBalancers: option('DEFAULT', 'expose_offline_load_balancers', {
    type: booleanType,
    default: 'true',
    origin: 'own',
    help: 'What becomes of the address of a load balancer while its health checks find no member online. true: it stays exposed, as those without health checks. false: it is withdrawn until one is online. The Northbound driver then reads the Southbound database, too.',
  }),
  migrationGrace: option('DEFAULT', 'migration_grace', {
    type: delayOrZeroType,
    default: '10',
    origin: 'own',
    help: 'Seconds for which a port that is being live-migrated to this node stays exposed while it is down, so that the move has no gap.',
  }),
  withdrawGuardPercent: option('DEFAULT', 'withdraw_guard_percent', {
    type: integerType(0, 100, 'per cent'),
    default: '50',
    origin: 'own',
    help: 'A withdrawal of more than this share of the advertised prefixes is held back for withdraw_guard_hold seconds, unless changed rows of the database ask for it: a database that comes back nearly empty, other bridge mappings, another chassis name or database, a start beside what stands from before. 100: never held back.',
  }),
  withdrawGuardMinimum: option('DEFAULT', 'withdraw_guard_minimum', {
    type: integerType(0, 1_000_000, 'addresses'),
    default: '10',
    origin: 'own',
    help: 'The guard acts only when at least this many prefixes would be withdrawn.',
  }),
  withdrawGuardHold: option('DEFAULT', 'withdraw_guard_hold', {
    type: delayOrZeroType,
    default: '60',
    origin: 'own',
    help: 'Seconds for which the guard holds a large withdrawal back. What is still missing then is believed and taken away.',
  }),
  frrRunDir: option('DEFAULT', 'frr_run_dir', {
    type: pathType,
    default: '/run/frr',
    origin: 'own',
    help: "Directory of the vty sockets of FRR's daemons.",
  }),
  ovsRunDir: option('DEFAULT', 'ovs_run_dir', {
    type: pathType,
    default: '/run/openvswitch',
    origin: 'own',
    help: "Directory of the OpenFlow management sockets of the node's bridges.",
  }),
  ovsOfctl: option('DEFAULT', 'ovs_ofctl', {
    type: programType,
    default: 'ovs-ofctl',
    origin: 'own',
    help: 'The program that reads and writes flows.',
  }),
  rtTables: option('DEFAULT', 'rt_tables', {
    type: pathType,
    default: '/etc/iproute2/rt_tables',
    origin: 'own',
    help: 'The file that gives routing tables their names. A line for each provider bridge is kept in it; it is made if it is missing.',
  }),
  exposeTenantNetworks: option('DEFAULT', 'expose_tenant_networks', {
    type: booleanType,
    default: 'false',
    help: 'Expose the addresses of tenant networks through the gateway of their router. Wins over expose_ipv6_gua_tenant_networks.',
  }),
  exposeIpv6GuaTenantNetworks: option('DEFAULT', 'expose_ipv6_gua_tenant_networks', {
    type: booleanType,
    default: 'false',
    help: 'Expose tenant networks as expose_tenant_networks does, but only their globally routable IPv6 addresses.',
  }),
  advertisementMethodTenantNetworks: option('DEFAULT', 'advertisement_method_tenant_networks', {
    type: choiceType(['host', 'subnet']),
    default: 'host',
    help: 'Announce tenant networks address by address (host) or as prefixes (subnet). The Python agent does the latter with nb_ovn_bgp_driver only, this one with either driver.',
  }),
  requireSnatDisabledForTenantNetworks: option('DEFAULT', 'require_snat_disabled_for_tenant_networks', {
    type: booleanType,
    default: 'false',
    help: 'Leave out tenant subnets whose router translates their source addresses (SNAT). Only nb_ovn_bgp_driver can tell.',
  }),
  addressScopes: option('DEFAULT', 'address_scopes', {
    type: listOf(scopeType, 'address scope ids'),
    default: '',
    help: 'Expose only tenant networks of these address scopes. Empty: all.',
  }),
  evpnLocalIp: option('DEFAULT', 'evpn_local_ip', {
    type: optional(addressType()),
    default: '',
    status: 'planned',
    help: "Source address of VXLAN tunnels. Not set: that of evpn_nic, else the loopback device's.",
  }),
  evpnNic: option('DEFAULT', 'evpn_nic', {
    type: optional(interfaceNameType),
    default: '',
    status: 'planned',
    help: 'The device whose address is the source of VXLAN tunnels, if evpn_local_ip is not set.',
  }),
  evpnUdpDstport: option('DEFAULT', 'evpn_udp_dstport', {
    type: integerType(1, 65535, 'UDP port'),
    default: '4789',
    status: 'planned',
    help: 'Destination port of VXLAN tunnels.',
  }),
  deleteVrfOnDisconnect: option('DEFAULT', 'delete_vrf_on_disconnect', {
    type: booleanType,
    default: 'true',
    status: 'planned',
    help: 'Delete the VRF of a VNI and its FRR instance when nothing uses them any more.',
  }),
  debug: option('DEFAULT', 'debug', {
    type: booleanType,
    default: 'false',
    origin: 'log',
    help: 'Log at level debug, whatever log_level says.',
  }),
  logLevel: option('DEFAULT', 'log_level', {
    type: choiceType(['debug', 'info', 'warn', 'error']),
    default: 'info',
    origin: 'own',
    help: 'The least severe level that is logged.',
  }),
  logFile: option('DEFAULT', 'log_file', {
    type: logPathType,
    default: '',
    origin: 'log',
    aliases: [{ section: 'DEFAULT', name: 'logfile' }],
    help: 'The file to log to, relative to log_dir if that is set. Not set: standard error, or ovn-bgp-agent.log in log_dir.',
  }),
  logDir: option('DEFAULT', 'log_dir', {
    type: logPathType,
    default: '',
    origin: 'log',
    aliases: [{ section: 'DEFAULT', name: 'logdir' }],
    help: 'Directory of log_file.',
  }),
  rootHelper: option('agent', 'root_helper', {
    type: anyTextType,
    default: 'sudo',
    status: 'ignored',
    help: 'The Python agent starts privileged programs through it. This agent holds the capabilities it needs itself.',
  }),
  rootHelperDaemon: option('agent', 'root_helper_daemon', {
    type: anyTextType,
    default: '',
    status: 'ignored',
    help: 'As root_helper.',
  }),
  useHelperForNsRead: option('agent', 'use_helper_for_ns_read', {
    type: booleanType,
    default: 'true',
    status: 'ignored',
    help: 'As root_helper.',
  }),
  ovnNbConnection: ovnOption('ovn_nb_connection', {
    type: optional(remotesType),
    default: '',
    help: "The OVN Northbound database. Not set: external_ids:ovn-nb-remote of the node's Open_vSwitch row.",
  }),
  ovnSbConnection: ovnOption('ovn_sb_connection', {
    type: optional(remotesType),
    default: '',
    help: "The OVN Southbound database. Not set: external_ids:ovn-remote of the node's Open_vSwitch row.",
  }),
  ovnNbPrivateKey: ovnOption('ovn_nb_private_key', {
    type: pathType,
    default: '/etc/pki/tls/private/ovn_bgp_agent.key',
    help: 'PEM file of the private key for ssl: connections to the Northbound database.',
  }),
  ovnNbCertificate: ovnOption('ovn_nb_certificate', {
    type: pathType,
    default: '/etc/pki/tls/certs/ovn_bgp_agent.crt',
    help: 'PEM file of the certificate of ovn_nb_private_key.',
  }),
  ovnNbCaCert: ovnOption('ovn_nb_ca_cert', {
    type: pathType,
    default: '/etc/ipa/ca.crt',
    help: 'PEM file of the authority that the Northbound server must be certified by.',
  }),
  ovnSbPrivateKey: ovnOption('ovn_sb_private_key', {
    type: pathType,
    default: '/etc/pki/tls/private/ovn_bgp_agent.key',
    help: 'PEM file of the private key for ssl: connections to the Southbound database.',
  }),
  ovnSbCertificate: ovnOption('ovn_sb_certificate', {
    type: pathType,
    default: '/etc/pki/tls/certs/ovn_bgp_agent.crt',
    help: 'PEM file of the certificate of ovn_sb_private_key.',
  }),
  ovnSbCaCert: ovnOption('ovn_sb_ca_cert', {
    type: pathType,
    default: '/etc/ipa/ca.crt',
    help: 'PEM file of the authority that the Southbound server must be certified by.',
  }),
  localNbConnection: option('local_ovn_cluster', 'ovn_nb_connection', {
    type: remoteType,
    default: 'unix:/var/run/ovn/ovnnb_db.sock',
    help: "The Northbound database of the node's own OVN cluster. On a node that also runs the cloud's databases it must be set: the default is their socket. The agent writes nothing to a database that holds networks of OpenStack.",
  }),
  localShape: option('local_ovn_cluster', 'shape', {
    type: choiceType(['auto', 'compatible', 'host-routes']),
    default: 'auto',
    origin: 'own',
    help: "What the rows of the node's own cluster look like. compatible: those of the Python agent, with provider_networks_pool_prefixes on the router and a policy that sends what leaves provider networks to the peers. host-routes: a route for each exposed address, default routes, no policy; addresses of one node reach each other without a detour. auto: compatible when peer_ips is set, else host-routes.",
  }),
  localExternalNics: option('local_ovn_cluster', 'external_nics', {
    type: listOf(interfaceNameType, 'interface names'),
    default: '',
    help: "The devices that connect the node to the fabric, each a port of one of the bridges in ovn-bridge-mappings-<bgp_chassis_id> of the node's Open_vSwitch row. Empty: the only port of each of these bridges that is neither a patch nor an internal port.",
  }),
  localPeerIps: option('local_ovn_cluster', 'peer_ips', {
    type: listOf(addressType(), 'IP addresses'),
    default: '',
    help: "Next hops of outgoing traffic. Each belongs to the bridge with an address in the same network; one that fits none belongs to the bridge at its own position in the list of mappings. Empty: the next hops of the kernel's default routes through these bridges, as FRR learns them, also with BGP unnumbered.",
  }),
  localPoolPrefixes: option('local_ovn_cluster', 'provider_networks_pool_prefixes', {
    type: listOf(prefixType, 'prefixes'),
    default: '192.168.0.0/16',
    help: 'Prefixes that provider networks take their subnets from; used by the shape compatible only. They must not contain tenant networks.',
  }),
  localBgpChassisId: option('local_ovn_cluster', 'bgp_chassis_id', {
    type: chassisIdType,
    default: 'bgp',
    help: "Chassis of the node's own OVN cluster, and the suffix of its keys in external_ids.",
  }),
  localRunDir: option('local_ovn_cluster', 'run_dir', {
    type: pathType,
    default: '/run/ovn-bgp',
    origin: 'own',
    help: "Pid files and control sockets of the node's own OVN cluster, and the socket of its Southbound database. Used by the command local-ovn.",
  }),
  localDatabaseDir: option('local_ovn_cluster', 'database_dir', {
    type: pathType,
    default: '/var/lib/ovn-bgp',
    origin: 'own',
    help: "Where the databases of the node's own OVN cluster are kept. Used by the command local-ovn.",
  }),
  localBfd: option('local_ovn_cluster', 'bfd', {
    type: choiceType(['auto', 'on', 'off']),
    default: 'auto',
    origin: 'own',
    help: "Whether the node's own OVN runs BFD with the peers. It then owns BFD on their addresses: bfdd of the node's FRR must not run sessions to them. Needs peer_ips. auto: on in the shape compatible, off in host-routes, where the next hops of FRR's default routes are followed.",
  }),
  localArpProxy: option('local_ovn_cluster', 'arp_proxy', {
    type: listOf(prefixType, 'prefixes'),
    default: '0.0.0.0/0,::/0',
    origin: 'own',
    help: 'What the router answers ARP requests and neighbour solicitations of provider networks for in the shape host-routes; the networks of the providers are enough. In the shape compatible it answers for provider_networks_pool_prefixes.',
  }),
};

export type OptionId = keyof typeof OPTIONS;
type ValueOf<S> = S extends OptionSpec<infer T> ? T : never;
/** The checked value of every option. */
export type OptionValues = { readonly [Id in OptionId]: ValueOf<(typeof OPTIONS)[Id]> };

export const OPTION_IDS = Object.keys(OPTIONS) as readonly OptionId[];

/** The entry as one whose value type is of no interest, for what treats all options alike. */
export function optionSpec(id: OptionId): OptionSpec<unknown> {
  return OPTIONS[id];
}

/** Options of a section in the order of the table. */
export function optionsOf(section: SectionName): readonly OptionSpec<unknown>[] {
  return OPTION_IDS.map(optionSpec).filter((spec) => spec.section === section);
}
