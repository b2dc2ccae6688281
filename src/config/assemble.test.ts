import { expect, it } from 'vitest';
import { assembleConfig, defaultConfig } from './assemble.ts';
import { parseIni } from './ini.ts';
import { resolveOptions } from './resolve.ts';
import { settingFinder } from './settings.ts';

/** Every option that has an effect, each with a value of its own. */
const EVERYTHING = `[DEFAULT]
driver = nb_ovn_bgp_driver
cms = ovn
exposing_method = vrf
advertise_via = main
vlan_handover = ovs
reconcile_interval = 1
frr_reconcile_interval = 2
ovsdb_connection = unix:/3
ovsdb_connection_timeout = 4
bgp_AS = 5
bgp_router_id = 0.0.0.6
bgp_nic = nic7
bgp_vrf = vrf8
bgp_vrf_table_id = 9
clear_vrf_routes_on_startup = yes
excluded_physical_networks = physnet21, physnet22
allowed_prefixes = 10.0.0.0/10, 2001:DB8:10::/48
proxy_ndp_addresses = 2001:db8::11
communities = gateway=64999:2+64999:1+no-export+4200000000:1:1, tag:gold=64999:7
meds = tenant-host=12
expose_unmarked = no
expose_external_ports = yes
expose_offline_load_balancers = no
migration_grace = 12
withdraw_guard_percent = 13
withdraw_guard_minimum = 14
withdraw_guard_hold = 15
frr_run_dir = /16
ovs_run_dir = /17
ovs_ofctl = /18
rt_tables = /19
expose_tenant_networks = on
expose_ipv6_gua_tenant_networks = off
advertisement_method_tenant_networks = subnet
require_snat_disabled_for_tenant_networks = t
address_scopes = scope20, scope21
evpn_local_ip = 2001:db8::22
evpn_nic = nic23
evpn_udp_dstport = 24
delete_vrf_on_disconnect = n
log_level = error
log_dir = /25
log_file = 26
[ovn]
ovn_nb_connection = tcp:0.0.0.27:27
ovn_sb_connection = ssl:[::28]:28, tcp:host29:29
ovn_nb_private_key = /30
ovn_nb_certificate = /31
ovn_nb_ca_cert = /32
ovn_sb_private_key = /33
ovn_sb_certificate = /34
ovn_sb_ca_cert = /35
[local_ovn_cluster]
ovn_nb_connection = unix:/36
external_nics = nic37, nic38
peer_ips = 0.0.0.39, ::40
provider_networks_pool_prefixes = 10.41.0.0/16
bgp_chassis_id = chassis42
run_dir = /43
database_dir = /44
shape = host-routes
bfd = on
arp_proxy = 10.45.0.0/16
`;

function assembled(text: string) {
  const documents = [parseIni('f', Buffer.from(text))];
  const { values, problems } = resolveOptions(
    settingFinder({ documents, overrides: new Map(), environment: {} }),
  );
  expect(problems).toEqual([]);
  return values === undefined ? undefined : assembleConfig(values);
}

it('puts the value of every option where the rooms look for it', () => {
  expect(assembled(EVERYTHING)).toEqual({
    driver: 'nb_ovn_bgp_driver',
    cms: 'ovn',
    exposingMethod: 'vrf',
    advertiseVia: 'main',
    vlanHandover: 'ovs',
    reconcileIntervalSec: 1,
    frrReconcileIntervalSec: 2,
    ovsdbConnection: 'unix:/3',
    ovsdbConnectionTimeoutSec: 4,
    bgpAs: 5,
    bgpRouterId: '0.0.0.6',
    bgpNic: 'nic7',
    bgpVrf: 'vrf8',
    bgpVrfTableId: 9,
    clearVrfRoutesOnStartup: true,
    ovnNbConnection: 'tcp:0.0.0.27:27',
    ovnSbConnection: 'ssl:[::28]:28,tcp:host29:29',
    ovnNbTls: { privateKey: '/30', certificate: '/31', caCert: '/32' },
    ovnSbTls: { privateKey: '/33', certificate: '/34', caCert: '/35' },
    excludedPhysicalNetworks: ['physnet21', 'physnet22'],
    allowedPrefixes: ['10.0.0.0/10', '2001:db8:10::/48'],
    proxyNdpAddresses: ['2001:db8::11'],
    communities: [
      {
        selector: 'gateway',
        communities: ['64999:1', '64999:2', 'no-export'],
        largeCommunities: ['4200000000:1:1'],
      },
      { selector: 'tag:gold', communities: ['64999:7'], largeCommunities: [] },
    ],
    meds: [{ selector: 'tenant-host', med: 12 }],
    exposeUnmarked: false,
    exposeExternalPorts: true,
    exposeOfflineLoadBalancers: false,
    migrationGraceSec: 12,
    withdrawGuardPercent: 13,
    withdrawGuardMinimum: 14,
    withdrawGuardHoldSec: 15,
    tenant: {
      exposeNetworks: true,
      exposeIpv6Gua: false,
      advertisementMethod: 'subnet',
      requireSnatDisabled: true,
      addressScopes: ['scope20', 'scope21'],
    },
    evpn: { localIp: '2001:db8::22', nic: 'nic23', udpDstPort: 24, deleteVrfOnDisconnect: false },
    localOvnCluster: {
      ovnNbConnection: 'unix:/36',
      externalNics: ['nic37', 'nic38'],
      peerIps: ['0.0.0.39', '::40'],
      providerNetworksPoolPrefixes: ['10.41.0.0/16'],
      bgpChassisId: 'chassis42',
      runDir: '/43',
      databaseDir: '/44',
      shape: 'host-routes',
      bfd: true,
      arpProxy: ['10.45.0.0/16'],
    },
    frrRunDir: '/16',
    ovsRunDir: '/17',
    ovsOfctlPath: '/18',
    rtTablesPath: '/19',
    logLevel: 'error',
    logFile: '/25/26',
  });
});

const { tenant, evpn } = defaultConfig();

it.each([
  ['clear_vrf_routes_on_startup = true', { clearVrfRoutesOnStartup: true }],
  ['expose_tenant_networks = true', { tenant: { ...tenant, exposeNetworks: true } }],
  ['expose_ipv6_gua_tenant_networks = true', { tenant: { ...tenant, exposeIpv6Gua: true } }],
  ['require_snat_disabled_for_tenant_networks = true', { tenant: { ...tenant, requireSnatDisabled: true } }],
  ['expose_unmarked = false', { exposeUnmarked: false }],
  ['expose_external_ports = true', { exposeExternalPorts: true }],
  ['delete_vrf_on_disconnect = false', { evpn: { ...evpn, deleteVrfOnDisconnect: false } }],
  ['debug = true', { logLevel: 'debug' }],
] as const)('changes nothing else by %s', (line, changes) => {
  expect(assembled(`[DEFAULT]\n${line}\n`)).toEqual(defaultConfig(changes));
});

it('does not share what a test changes', () => {
  expect(defaultConfig({ bgpAs: 1 }).bgpAs).toBe(1);
  expect(defaultConfig().bgpAs).toBe(64_999);
});

it.each([
  ['', { shape: 'host-routes', bfd: false }],
  ['peer_ips = 10.0.0.1', { shape: 'compatible', bfd: true }],
  ['peer_ips = 10.0.0.1\nshape = host-routes', { shape: 'host-routes', bfd: false }],
  ['peer_ips = 10.0.0.1\nbfd = off', { shape: 'compatible', bfd: false }],
  // Without peers there is nobody to have a session with.
  ['bfd = on', { shape: 'host-routes', bfd: false }],
])('chooses the shape of the local cluster by its peers: %j', (text, expected) => {
  expect(assembled(`[local_ovn_cluster]\n${text}\n`)?.localOvnCluster).toMatchObject(expected);
});

it('looks for the switch where it may be, in the directory of this node first', () => {
  const { values } = resolveOptions(
    settingFinder({
      documents: [parseIni('a.conf', Buffer.from('[DEFAULT]\novs_run_dir = /srv/ovs/run/\n'))],
      overrides: new Map(),
      environment: {},
    }),
  );
  if (values === undefined) throw new TypeError('the file is right');
  expect(assembleConfig(values).ovsdbConnection.split(',')).toEqual([
    'unix:/srv/ovs/run/db.sock',
    'unix:/run/openvswitch/db.sock',
    'unix:/var/run/openvswitch/db.sock',
    'unix:/usr/local/var/run/openvswitch/db.sock',
  ]);
});
