import { describe, expect, it } from 'vitest';
import { defaultConfig } from './assemble.ts';
import { isForeignOption } from './foreign-options.ts';
import { environmentVariable, flagName, placeText } from './option.ts';
import { OPTION_IDS, OPTIONS, optionSpec } from './options.ts';

/** Options of the Python agent with their defaults, as its users rely on them. */
const PYTHON_DEFAULTS: readonly (readonly [section: string, name: string, text: string])[] = [
  ['DEFAULT', 'reconcile_interval', '300'],
  ['DEFAULT', 'frr_reconcile_interval', '15'],
  ['DEFAULT', 'expose_tenant_networks', 'false'],
  ['DEFAULT', 'expose_ipv6_gua_tenant_networks', 'false'],
  ['DEFAULT', 'advertisement_method_tenant_networks', 'host'],
  ['DEFAULT', 'require_snat_disabled_for_tenant_networks', 'false'],
  ['DEFAULT', 'driver', 'ovn_bgp_driver'],
  // A socket that no distribution has (unix:/usr/local/var/run/openvswitch/db.sock): one of those that are tried.
  ['DEFAULT', 'ovsdb_connection', ''],
  ['DEFAULT', 'ovsdb_connection_timeout', '180'],
  ['DEFAULT', 'bgp_AS', '64999'],
  ['DEFAULT', 'bgp_router_id', ''],
  ['DEFAULT', 'evpn_local_ip', ''],
  ['DEFAULT', 'evpn_nic', ''],
  ['DEFAULT', 'evpn_udp_dstport', '4789'],
  ['DEFAULT', 'clear_vrf_routes_on_startup', 'false'],
  ['DEFAULT', 'delete_vrf_on_disconnect', 'true'],
  ['DEFAULT', 'bgp_nic', 'bgp-nic'],
  ['DEFAULT', 'bgp_vrf', 'bgp-vrf'],
  ['DEFAULT', 'bgp_vrf_table_id', '10'],
  ['DEFAULT', 'address_scopes', ''],
  ['DEFAULT', 'exposing_method', 'underlay'],
  ['agent', 'root_helper', 'sudo'],
  ['agent', 'root_helper_daemon', ''],
  ['agent', 'use_helper_for_ns_read', 'true'],
  ['ovn', 'ovn_sb_connection', ''],
  ['ovn', 'ovn_nb_connection', ''],
  ['ovn', 'ovn_sb_private_key', '/etc/pki/tls/private/ovn_bgp_agent.key'],
  ['ovn', 'ovn_nb_private_key', '/etc/pki/tls/private/ovn_bgp_agent.key'],
  ['ovn', 'ovn_sb_certificate', '/etc/pki/tls/certs/ovn_bgp_agent.crt'],
  ['ovn', 'ovn_nb_certificate', '/etc/pki/tls/certs/ovn_bgp_agent.crt'],
  ['ovn', 'ovn_sb_ca_cert', '/etc/ipa/ca.crt'],
  ['ovn', 'ovn_nb_ca_cert', '/etc/ipa/ca.crt'],
  ['local_ovn_cluster', 'ovn_nb_connection', 'unix:/var/run/ovn/ovnnb_db.sock'],
  ['local_ovn_cluster', 'external_nics', ''],
  ['local_ovn_cluster', 'peer_ips', ''],
  ['local_ovn_cluster', 'provider_networks_pool_prefixes', '192.168.0.0/16'],
  ['local_ovn_cluster', 'bgp_chassis_id', 'bgp'],
];

const specs = OPTION_IDS.map(optionSpec);

describe('the option table', () => {
  it('has the options of the Python agent with their defaults, and no other as such', () => {
    const table = specs
      .filter(({ origin }) => origin === 'python')
      .map((spec) => [spec.section, spec.name, spec.default]);
    const sorted = (rows: readonly (readonly string[])[]): string[] =>
      rows.map((row) => row.join(' ')).sort();
    expect(sorted(table)).toEqual(sorted(PYTHON_DEFAULTS));
  });

  it.each(specs.map((spec) => [placeText(spec), spec] as const))(
    '%s has a default that its type accepts and prints back',
    (_, { type, default: text }) => {
      const parsed = type.parse(text);
      expect(parsed).toMatchObject({ ok: true });
      expect(parsed.ok && type.format(parsed.value)).toBe(text);
    },
  );

  it('has names, flags and variables that are unique, and no foreign option', () => {
    const places = specs.flatMap((spec) => [spec, ...spec.aliases]);
    expect(new Set(places.map(placeText)).size).toBe(places.length);
    expect(new Set(specs.map(flagName)).size).toBe(specs.length);
    expect(new Set(specs.map(environmentVariable)).size).toBe(specs.length);
    expect(places.filter(({ section, name }) => isForeignOption(section, name))).toEqual([]);
  });

  it('reads every option of [ovn] from [DEFAULT] too', () => {
    const ovn = specs.filter(({ section }) => section === 'ovn');
    expect(ovn).toHaveLength(8);
    for (const { name, aliases } of ovn) expect(aliases).toEqual([{ section: 'DEFAULT', name }]);
  });

  it('spells flags and variables as oslo.config does', () => {
    expect(flagName(OPTIONS.bgpAs)).toBe('bgp-AS');
    expect(flagName(OPTIONS.ovnNbConnection)).toBe('ovn-ovn-nb-connection');
    expect(environmentVariable(OPTIONS.bgpAs)).toBe('OS_DEFAULT__BGP_AS');
    expect(environmentVariable(OPTIONS.localPeerIps)).toBe('OS_LOCAL_OVN_CLUSTER__PEER_IPS');
  });

  it('has help in whole sentences', () => {
    expect(specs.filter(({ help }) => !/^\S.*\.$/s.test(help)).map(({ name }) => name)).toEqual([]);
  });
});

describe('defaultConfig', () => {
  it('is the table, with what a test changes', () => {
    expect(defaultConfig({ bgpAs: 65001 })).toMatchObject({
      driver: 'ovn_bgp_driver',
      exposingMethod: 'underlay',
      advertiseVia: 'vrf',
      vlanHandover: 'auto',
      bgpAs: 65001,
      bgpRouterId: undefined,
      bgpVrfTableId: 10,
      ovnNbConnection: undefined,
      excludedPhysicalNetworks: [],
      allowedPrefixes: [],
      exposeUnmarked: true,
      exposeExternalPorts: false,
      exposeOfflineLoadBalancers: true,
      migrationGraceSec: 10,
      withdrawGuardPercent: 50,
      withdrawGuardMinimum: 10,
      withdrawGuardHoldSec: 60,
      tenant: { exposeNetworks: false, advertisementMethod: 'host', addressScopes: [] },
      evpn: { udpDstPort: 4789, deleteVrfOnDisconnect: true },
      localOvnCluster: { providerNetworksPoolPrefixes: ['192.168.0.0/16'], bgpChassisId: 'bgp' },
      frrRunDir: '/run/frr',
      ovsRunDir: '/run/openvswitch',
      ovsOfctlPath: 'ovs-ofctl',
      rtTablesPath: '/etc/iproute2/rt_tables',
      logLevel: 'info',
      logFile: undefined,
    });
  });
});
