/**
 * The agent's configuration as the rooms see it: parsed, validated, with defaults. Made by `loadConfig` (and, for tests, `defaultConfig`).
 * Names follow the options of `bgp-agent.conf`; units are in the names.
 */
import type { IpAddress, Prefix } from '../base/address.ts';
import type { CommunitiesOf, MedOf } from './route-attribute-values.ts';

export type Driver =
  | 'ovn_bgp_driver'
  | 'nb_ovn_bgp_driver'
  | 'ovn_evpn_driver'
  | 'ovn_stretched_l2_bgp_driver';
export type ExposingMethod = 'underlay' | 'l2vni' | 'vrf' | 'dynamic' | 'ovn';
/** How an address is put where FRR redistributes it: dummy in a VRF plus leak, or a blackhole route in the main table. */
export type AdvertiseVia = 'vrf' | 'main';
/** What hands VLAN provider traffic to the kernel: an 802.1Q device, or a tagged OVS internal port. */
export type VlanHandover = 'auto' | 'kernel' | 'ovs';

export interface TlsFiles {
  readonly privateKey: string;
  readonly certificate: string;
  readonly caCert: string;
}

/** Tenant networks, as the options of the Python agent state them. */
export interface TenantConfig {
  readonly exposeNetworks: boolean;
  /** Only globally routable IPv6 addresses; `exposeNetworks` wins over it. */
  readonly exposeIpv6Gua: boolean;
  readonly advertisementMethod: 'host' | 'subnet';
  readonly requireSnatDisabled: boolean;
  /** Address scope ids that may be exposed; empty: no filter. */
  readonly addressScopes: readonly string[];
}

/** The VXLAN end of EVPN methods. */
export interface EvpnConfig {
  readonly localIp: IpAddress | undefined;
  readonly nic: string | undefined;
  readonly udpDstPort: number;
  readonly deleteVrfOnDisconnect: boolean;
}

export type LocalOvnShape = 'compatible' | 'host-routes';

/** The OVN cluster that lives on this node alone (`exposing_method = ovn`). */
export interface LocalOvnClusterConfig {
  readonly ovnNbConnection: string;
  readonly externalNics: readonly string[];
  /** Next hops of outgoing traffic. */
  readonly peerIps: readonly IpAddress[];
  readonly providerNetworksPoolPrefixes: readonly Prefix[];
  readonly bgpChassisId: string;
  /** Of the processes that `local-ovn` starts. */
  readonly runDir: string;
  readonly databaseDir: string;
  /** `compatible`: the rows of the Python agent; `host-routes`: a route for each address, no policy. */
  readonly shape: LocalOvnShape;
  /** BFD sessions between the node's own OVN and the peers. */
  readonly bfd: boolean;
  /** What the router answers ARP and neighbour solicitations for on provider networks, in the shape `host-routes`. */
  readonly arpProxy: readonly Prefix[];
}

/** Who fills the OVN databases: Neutron, anybody else, or told row by row. */
export type CloudManagement = 'auto' | 'neutron' | 'ovn';

export interface AgentConfig {
  readonly driver: Driver;
  readonly cms: CloudManagement;
  readonly exposingMethod: ExposingMethod;
  readonly advertiseVia: AdvertiseVia;
  readonly vlanHandover: VlanHandover;
  readonly reconcileIntervalSec: number;
  readonly frrReconcileIntervalSec: number;
  /** Remotes, comma separated; the first that answers is it. */
  readonly ovsdbConnection: string;
  readonly ovsdbConnectionTimeoutSec: number;
  readonly bgpAs: number;
  readonly bgpRouterId: IpAddress | undefined;
  readonly bgpNic: string;
  readonly bgpVrf: string;
  readonly bgpVrfTableId: number;
  readonly clearVrfRoutesOnStartup: boolean;
  readonly ovnNbConnection: string | undefined;
  readonly ovnSbConnection: string | undefined;
  readonly ovnNbTls: TlsFiles;
  readonly ovnSbTls: TlsFiles;
  /** Physical networks that the agent keeps off, with their bridges. */
  readonly excludedPhysicalNetworks: readonly string[];
  /** Only addresses inside one of these are announced; empty: all that are not refused anyway. */
  readonly allowedPrefixes: readonly Prefix[];
  /** IPv6 addresses that the node answers neighbour solicitations for on every provider network (D-10). */
  readonly proxyNdpAddresses: readonly IpAddress[];
  /** BGP communities by kind of address or tag. */
  readonly communities: readonly CommunitiesOf[];
  /** MED by kind of address or tag. */
  readonly meds: readonly MedOf[];
  /** What has no mark of the operator's is exposed, too. */
  readonly exposeUnmarked: boolean;
  /** Ports of type "external" are exposed where they are served. */
  readonly exposeExternalPorts: boolean;
  /** Load balancers whose health checks find no member online are exposed. */
  readonly exposeOfflineLoadBalancers: boolean;
  /** How long a port that was being migrated to this node keeps its exposure while it is down. */
  readonly migrationGraceSec: number;
  /** What would withdraw more than this share, and at least `withdrawGuardMinimum`, is held back unless single rows ask for it. */
  readonly withdrawGuardPercent: number;
  readonly withdrawGuardMinimum: number;
  readonly withdrawGuardHoldSec: number;
  readonly tenant: TenantConfig;
  readonly evpn: EvpnConfig;
  readonly localOvnCluster: LocalOvnClusterConfig;
  readonly frrRunDir: string;
  readonly ovsRunDir: string;
  readonly ovsOfctlPath: string;
  readonly rtTablesPath: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFile: string | undefined;
}
