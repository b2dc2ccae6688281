import { describe, expect, it } from 'vitest';
import { parseIp } from '../base/address.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { LocalOvnClusterConfig } from '../config/types.ts';
import { FakeLocalOvn } from '../localnb/fake-local-ovn.ts';
import { LOCAL_NORTHBOUND } from '../localnb/schema.ts';
import type { LocalRow } from '../localnb/types.ts';
import { describe as words } from '../node/describe.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { northboundCloud } from '../ovn/testing.ts';
import { type DatabaseFile, databaseFile } from '../ovsdb/index.ts';
import { insert } from '../ovsdb/operations.ts';
import { databaseLog } from '../ovsdb/testing/database-log.ts';
import { type OfflineInput, type OfflinePlan, offlinePlan } from './offline-plan.ts';
import { ovnSwitchFile } from './offline-testing.ts';
import { OfflineInputError } from './ovn-files.ts';

const ROUTER_ID = parseIp('192.0.2.1');

function northbound(): DatabaseFile {
  const cloud = northboundCloud();
  cloud.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  const addresses = 'fa:16:3e:00:00:01 172.24.4.10 2001:db8::10';
  cloud.addPort({ name: 'vm-1', network: 'PUB', addresses, requestedChassis: 'cmp-1' });
  return databaseFile(databaseLog(NORTHBOUND, cloud.db.views), 'OVN_Northbound.db');
}

/** The node's own Northbound database with these rows. */
async function localFile(rows: readonly LocalRow[]): Promise<DatabaseFile> {
  const local = new FakeLocalOvn();
  await local.write(rows.map((row) => ({ op: 'put', row })));
  return fileOf(local);
}

function fileOf(local: FakeLocalOvn): DatabaseFile {
  return databaseFile(databaseLog(LOCAL_NORTHBOUND, local.database.tables()), 'local.db');
}

function planOf(
  files: Partial<OfflineInput['files']>,
  cluster: Partial<LocalOvnClusterConfig> = {},
): OfflinePlan {
  const defaults = defaultConfig();
  return offlinePlan({
    config: defaultConfig({
      driver: 'nb_ovn_bgp_driver',
      exposingMethod: 'ovn',
      ...(ROUTER_ID === undefined ? {} : { bgpRouterId: ROUTER_ID }),
      localOvnCluster: { ...defaults.localOvnCluster, ...cluster },
    }),
    files: { northbound: northbound(), openVSwitch: ovnSwitchFile(), ...files },
    bridgeMacs: new Map(),
  });
}

const texts = (plan: OfflinePlan): string[] => plan.desired.map(({ object }) => words(object));
const assumed = (plan: OfflinePlan): Record<string, string> =>
  Object.fromEntries(plan.assumptions.map((each) => [each.subject, each.assumed]));
const reasons = (plan: OfflinePlan): string => plan.pending.map(({ reason }) => reason).join('\n');

/** What a node with BGP unnumbered holds: FRR's next hops, as the agent wrote them. */
const ROUTER = 'bgp-router';
const LEARNED: readonly LocalRow[] = [
  { table: 'Logical_Router', name: ROUTER, options: { chassis: 'bgp' } },
  ...['bgp-ex', 'bgp-ex-2'].flatMap((network, index): LocalRow[] => {
    const port = `${ROUTER}-${network}`;
    const mac = `02:aa:00:00:00:0${index + 1}`;
    const invented = `169.254.${index + 1}.1`;
    const router = { router: ROUTER, outputPort: port };
    return [
      {
        table: 'Logical_Router_Port',
        name: port,
        router: ROUTER,
        mac: `52:54:00:00:00:0${index + 1}`,
        networks: [`169.254.${index + 1}.2/30`],
      },
      { table: 'Static_MAC_Binding', port, ip: invented, mac },
      { table: 'Static_MAC_Binding', port, ip: 'fe80::1', mac },
      { table: 'Logical_Router_Static_Route', prefix: '0.0.0.0/0', nexthop: invented, ...router },
      { table: 'Logical_Router_Static_Route', prefix: '::/0', nexthop: 'fe80::1', ...router },
    ];
  }),
];

describe('an offline plan with exposing_method = ovn', () => {
  it('takes next hops of FRR, with the MAC addresses of the leafs, from the rows of the node, and says so', async () => {
    const plan = planOf({ localNorthbound: await localFile(LEARNED) });
    expect(plan.pending).toEqual([]);
    const all = texts(plan);
    for (const row of LEARNED.filter(({ table }) => /Static/.test(table))) {
      expect(all).toContain(words({ kind: 'local-row', row }));
    }
    expect(all).toContain(
      'local OVN route of bgp-router 172.24.4.10/32 via 172.24.4.10 port bgp-router-openstack',
    );
    expect(all).toContain('fdb br-ex port br-ex vlan 0 mac 52:54:00:00:00:01 static');
    expect(all.some((text) => text.startsWith('address 172.24.4.10/32 dev bgp-nic'))).toBe(true);
    expect(assumed(plan)).toMatchObject({
      'next hops behind bridge br-ex': '169.254.1.1 (02:aa:00:00:00:01), fe80::1 (02:aa:00:00:00:01)',
      'addresses of bridge br-ex': 'none',
      'device nic1': 'has carrier',
      'routing of the node': 'FRR uses every uplink',
    });
  });

  it('announces nothing where no file knows a next hop, and says which file would', () => {
    const plan = planOf({});
    expect(reasons(plan)).toMatch(/no next hop is known behind bridge br-ex:/);
    expect(texts(plan).filter((text) => text.startsWith('address 172'))).toEqual([]);
    const hint = plan.assumptions.find(({ subject }) => subject === 'next hops behind bridge br-ex');
    expect(hint).toMatchObject({
      assumed: 'none',
      reason: expect.stringMatching(/give --local-nb-db FILE.*or set peer_ips/),
    });
  });

  it('tells of a file that is the database of the cloud', () => {
    const local = new FakeLocalOvn();
    local.database.edit([insert('Logical_Switch', { name: 'neutron-1' })]);
    expect(reasons(planOf({ localNorthbound: fileOf(local) }))).toMatch(
      /the switch "neutron-1" of OpenStack Neutron/,
    );
  });

  it('tells what the Open_vSwitch file does not have', () => {
    const openVSwitch = ovnSwitchFile({ 'ovn-bridge-mappings-bgp': '', 'ct-zone-range-bgp': '' });
    expect(reasons(planOf({ openVSwitch }))).toMatch(
      /ovn-bridge-mappings-bgp of the local Open_vSwitch database is not set/,
    );
    expect(reasons(planOf({ openVSwitch: ovnSwitchFile({ 'ct-zone-range-bgp': '' }) }))).toMatch(
      /ct-zone-range-bgp is not set/,
    );
  });

  it('cannot do without the Open_vSwitch file', () => {
    const { openVSwitch: _absent, ...files } = { northbound: northbound(), openVSwitch: undefined };
    const plan = (): OfflinePlan =>
      offlinePlan({
        config: defaultConfig({ driver: 'nb_ovn_bgp_driver', exposingMethod: 'ovn' }),
        files,
        bridgeMacs: new Map(),
        bridgeMappings: 'physnet1:br-osp',
        chassis: 'C1',
        hostname: 'cmp-1',
      });
    expect(plan).toThrow(OfflineInputError);
    expect(plan).toThrow(/which exposing_method = ovn is about: give --ovs-db FILE$/);
  });
});
