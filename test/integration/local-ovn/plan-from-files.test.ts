/**
 * Worked example 10 (`exposing_method = ovn`, compatible shape) as a planner sees it: live, from served databases, and from
 * files that real servers and tools wrote, in every format.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ovsPort } from '../../../src/agent/local-ovn-testing.ts';
import { type OfflineInput, type OfflinePlan, offlinePlan } from '../../../src/agent/offline-plan.ts';
import { type MacAddress, parseInterfaceAddress } from '../../../src/base/address.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { sortedBy } from '../../../src/base/order.ts';
import { offlineJson } from '../../../src/cli/offline-format.ts';
import { schemaProblems } from '../../../src/cli/testing.ts';
import { defaultConfig } from '../../../src/config/assemble.ts';
import type { AgentConfig } from '../../../src/config/types.ts';
import { openLocalCluster } from '../../../src/localnb/local-cluster.ts';
import { FakeNode } from '../../../src/node/fake-node.ts';
import { keyOf } from '../../../src/node/keys.ts';
import type { DesiredObject } from '../../../src/node/objects.ts';
import { openDatabaseFile } from '../../../src/ovsdb/index.ts';
import { EX_MAC, EX2_MAC, EXAMPLE, EXAMPLE_LINES, ip } from '../../../src/wiring/ovn-testing.ts';
import { lines } from '../../../src/wiring/testing.ts';
import {
  OVN_NB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
  VSWITCH_SCHEMA,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';
import { compute } from '../conformance/captures.ts';

const run = promisify(execFile);
const map = (values: Readonly<Record<string, string>>) => ['map', Object.entries(values)];
const LOCAL_MAPPINGS = 'bgp-ex:br-ex,bgp-ex-2:br-ex-2,bgp-osp:br-osp';
const ADDRESSES = { 'br-ex': '100.65.3.6/30', 'br-ex-2': '100.64.0.6/30' } as const;

/** Bridge, its MAC address, and its ports: name, type, OpenFlow port. */
const BRIDGES = [
  [
    'br-ex',
    EX_MAC,
    [
      ['eth1', '', 1],
      ['patch-bgp-ex-localnet-to-br-bgp', 'patch', 7],
    ],
  ],
  [
    'br-ex-2',
    EX2_MAC,
    [
      ['eth2', '', 2],
      ['patch-bgp-ex-2-localnet-to-br-bgp', 'patch', 8],
    ],
  ],
  [
    'br-osp',
    '52:54:00:00:00:99',
    [
      ['patch-provnet-1-to-br-int', 'patch', 3],
      ['patch-bgp-osp-localnet-to-br-bgp', 'patch', 4],
    ],
  ],
] as const;

const CONFIG: AgentConfig = defaultConfig({
  driver: 'nb_ovn_bgp_driver',
  exposingMethod: 'ovn',
  advertiseVia: 'vrf',
  bgpRouterId: ip('172.30.1.1'),
  localOvnCluster: { ...defaultConfig().localOvnCluster, ...EXAMPLE },
});

/** The cloud's Northbound database and the node's Open_vSwitch; and the node's own Northbound, which has the same name. */
let server: OvsdbServer;
let own: OvsdbServer;

beforeEach(async () => {
  server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA, VSWITCH_SCHEMA] });
  own = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
  await own.transact('OVN_Northbound', [{ op: 'insert', table: 'NB_Global', row: {} }]);
  await addCloud();
  await addSwitch();
});

afterEach(async () => {
  await own.stop();
  await server.stop();
});

async function addCloud(): Promise<void> {
  const port = (name: string, row: object) => ({
    op: 'insert',
    table: 'Logical_Switch_Port',
    row: { name, ...row },
    'uuid-name': name.replaceAll('-', '_'),
  });
  await server.transact('OVN_Northbound', [
    port('provnet-1', {
      type: 'localnet',
      addresses: 'unknown',
      options: map({ network_name: 'provider1' }),
    }),
    port('vm-1', {
      addresses: 'fa:16:3e:82:ee:19 172.16.5.5',
      up: true,
      options: map({ 'requested-chassis': 'cmp-1' }),
      external_ids: map({ 'neutron:network_name': 'neutron-pub' }),
    }),
    {
      op: 'insert',
      table: 'Logical_Switch',
      row: {
        name: 'neutron-pub',
        ports: [
          'set',
          [
            ['named-uuid', 'provnet_1'],
            ['named-uuid', 'vm_1'],
          ],
        ],
      },
    },
  ]);
}

async function addSwitch(): Promise<void> {
  const operations: object[] = [];
  const bridges: unknown[] = [];
  for (const [bridge, mac, others] of BRIDGES) {
    const ports: unknown[] = [];
    for (const [name, type, ofport] of [[bridge, 'internal', 65534], ...others] as const) {
      const id = name.replaceAll('-', '_');
      // Columns that vswitchd keeps in memory only.
      const seen =
        type === 'patch' ? {} : { link_state: 'up', ...(name === bridge ? { mac_in_use: mac } : {}) };
      operations.push(
        { op: 'insert', table: 'Interface', row: { name, type, ofport, ...seen }, 'uuid-name': `i_${id}` },
        {
          op: 'insert',
          table: 'Port',
          row: { name, interfaces: ['named-uuid', `i_${id}`] },
          'uuid-name': `p_${id}`,
        },
      );
      ports.push(['named-uuid', `p_${id}`]);
    }
    const id = `b_${bridge.replaceAll('-', '_')}`;
    const row = { name: bridge, datapath_type: 'netdev', ports: ['set', ports] };
    operations.push({ op: 'insert', table: 'Bridge', row, 'uuid-name': id });
    bridges.push(['named-uuid', id]);
  }
  const ids = {
    'system-id': 'C1',
    hostname: 'cmp-1',
    'ovn-bridge-mappings': 'provider1:br-osp',
    'ovn-bridge-mappings-bgp': LOCAL_MAPPINGS,
    'ct-zone-range-bgp': '60000-64000',
  };
  operations.push({
    op: 'insert',
    table: 'Open_vSwitch',
    row: { external_ids: map(ids), bridges: ['set', bridges] },
  });
  await server.transact('Open_vSwitch', operations);
}

/** The same node with a kernel, as a daemon sees it; the databases are served. */
async function planLive(): Promise<readonly DesiredObject[]> {
  const node = new FakeNode({});
  node.ovs.set({
    systemId: 'C1',
    hostname: 'cmp-1',
    bridgeMappings: 'provider1:br-osp',
    ovnNbRemote: server.remote,
    externalIds: new Map([
      ['ovn-bridge-mappings-bgp', LOCAL_MAPPINGS],
      ['ct-zone-range-bgp', '60000-64000'],
    ]),
  });
  for (const name of ['eth1', 'eth2']) node.netlink.addLink({ name, up: true });
  for (const [bridge, mac, ports] of BRIDGES) {
    node.netlink.addLink({ name: bridge, kind: 'openvswitch', mac, up: true });
    node.ovs.setBridge(
      bridge,
      ports.map(([name, type, ofport]) => ovsPort(name, type, ofport)),
      'netdev',
    );
  }
  for (const [bridge, address] of Object.entries(ADDRESSES)) {
    node.netlink.addAddress({
      index: node.netlink.linkNamed(bridge)?.index ?? 0,
      family: 4,
      address,
      scope: 0,
      flags: 0,
    });
  }
  const localOvn = openLocalCluster({ remote: own.remote, logger: silentLogger });
  localOvn.start();
  try {
    await until('the first contents', () => localOvn.snapshot());
    const { netlink, ovs, frr, files } = node;
    const computed = await compute({ netlink, ovs, frr, files, localOvn }, CONFIG);
    expect(computed.pending).toEqual([]);
    return [...computed.desired.values()];
  } finally {
    await localOvn.close();
  }
}

type Format = 'a file on disk' | 'a backup' | 'a dump';

/** A database as an operator sends it. */
async function fileOf(of: OvsdbServer, database: string, format: Format): Promise<string> {
  // In the order of the schemas that the server was started with.
  if (format === 'a file on disk') return join(of.directory, database === 'OVN_Northbound' ? '0.db' : '1.db');
  const path = join(of.directory, `${database}.${format.replaceAll(' ', '-')}`);
  const command = format === 'a dump' ? ['dump', '-f', 'json'] : ['backup'];
  const { stdout } = await run('ovsdb-client', [...command, of.remote, database], { maxBuffer: 2 ** 26 });
  await writeFile(path, stdout);
  return path;
}

async function planFiles(format: Format, more: Partial<OfflineInput>, withOwn = true): Promise<OfflinePlan> {
  const open = async (of: OvsdbServer, database: string) =>
    openDatabaseFile(await fileOf(of, database, format));
  const plan = offlinePlan({
    config: CONFIG,
    files: {
      northbound: await open(server, 'OVN_Northbound'),
      openVSwitch: await open(server, 'Open_vSwitch'),
      ...(withOwn ? { localNorthbound: await open(own, 'OVN_Northbound') } : {}),
    },
    bridgeMacs: new Map(
      [
        ['br-ex', EX_MAC],
        ['br-ex-2', EX2_MAC],
      ].map(([name, mac]) => [name ?? '', mac as MacAddress]),
    ),
    ...more,
  });
  expect(schemaProblems(JSON.parse(offlineJson(plan)))).toEqual([]);
  return plan;
}

const GIVEN: Partial<OfflineInput> = {
  bridgeAddresses: new Map(
    Object.entries(ADDRESSES).map(([bridge, text]) => [
      bridge,
      [parseInterfaceAddress(text)].filter((one) => one !== undefined),
    ]),
  ),
};

/** Without what every method has; the schema of OVN before 24.03 has no `bfd_sessions` in policies. */
function ofMethod(objects: Iterable<DesiredObject>): readonly string[] {
  return lines(objects).filter((line) => !/^(?:link|frr|sysctl) /.test(line));
}

async function expected(): Promise<readonly string[]> {
  const schema = JSON.parse(
    (await run('ovsdb-client', ['get-schema', own.remote, 'OVN_Northbound'])).stdout,
  ) as {
    readonly tables: { readonly Logical_Router_Policy: { readonly columns: object } };
  };
  const follows = 'bfd_sessions' in schema.tables.Logical_Router_Policy.columns;
  return EXAMPLE_LINES.map((line) =>
    line.includes(' policy ') && !follows ? line.replace(' with BFD', '') : line,
  );
}

describe('worked example 10', () => {
  it('is planned live', async () => {
    expect(ofMethod(await planLive())).toEqual(await expected());
  });

  it.each<Format>(['a file on disk', 'a backup', 'a dump'])(
    'is planned from %s: the same in every object',
    async (format) => {
      const plan = await planFiles(format, GIVEN);
      expect(ofMethod(plan.desired)).toEqual(await expected());
      expect(plan.pending).toEqual([]);
      expect(plan.warnings).toEqual([]);
      const live = await planLive();
      expect(plan.desired).toEqual(sortedBy(live, ({ object }) => keyOf(object)));
      expect(plan.sources.map(({ database }) => database)).toEqual([
        'northbound',
        'open_vswitch',
        'local_northbound',
      ]);
    },
  );

  it('needs no flag where the rows of the node are in the file: addresses and MAC addresses of leafs come from them', async () => {
    const localOvn = openLocalCluster({ remote: own.remote, logger: silentLogger });
    localOvn.start();
    await until('the first contents', () => localOvn.snapshot());
    const fresh = await planFiles('a dump', GIVEN);
    const rows = fresh.desired.flatMap(({ object }) => (object.kind === 'local-row' ? [object.row] : []));
    const binding = {
      table: 'Static_MAC_Binding',
      port: 'bgp-router-bgp-ex',
      ip: '100.65.3.5',
      mac: '02:aa:00:00:00:01',
    } as const;
    await localOvn.write([...rows, binding].map((row) => ({ op: 'put', row })));
    await localOvn.close();

    const plan = await planFiles('a file on disk', {});
    const bound = 'local OVN MAC binding 100.65.3.5 is 02:aa:00:00:00:01 on bgp-router-bgp-ex';
    expect(ofMethod(plan.desired)).toEqual([...(await expected()), bound].sort());
    expect(plan.pending).toEqual([]);
    const assumed = new Map(plan.assumptions.map((each) => [each.subject, each.assumed]));
    expect(assumed.get('addresses of bridge br-ex')).toBe('100.65.3.6/30');
    expect(assumed.get('MAC address of 100.65.3.5')).toBe('02:aa:00:00:00:01');
    expect(assumed.get('MAC address of 100.64.0.5')).toMatch(/^not known/);
  });

  it('names what neither file nor flag says, instead of a guess', async () => {
    const plan = await planFiles('a dump', {}, false);
    expect(plan.pending).toEqual([
      {
        subject: 'uplink bgp-ex',
        reason: expect.stringMatching(/addresses of bridge br-ex are not known.*--bridge-address br-ex=/),
      },
      { subject: 'uplink bgp-ex-2', reason: expect.stringMatching(/--bridge-address br-ex-2=/) },
    ]);
    expect(plan.assumptions.map(({ subject }) => subject)).toContain("the node's own Northbound database");
  });

  it('is printed by the command from the same files', async () => {
    const settings = join(own.directory, 'bgp-agent.conf');
    await writeFile(
      settings,
      `[DEFAULT]
driver = nb_ovn_bgp_driver
exposing_method = ovn
advertise_via = vrf
bgp_router_id = 172.30.1.1
[local_ovn_cluster]
external_nics = eth1,eth2
peer_ips = 100.65.3.5,100.64.0.5
provider_networks_pool_prefixes = 172.16.0.0/16,192.168.100.0/24
`,
    );
    const { stdout } = await run(process.execPath, [
      join(import.meta.dirname, '../../../bin/ovn-bgp-agent'),
      'plan',
      '--config-file',
      settings,
      '--output',
      'json',
      '--nb-db',
      await fileOf(server, 'OVN_Northbound', 'a backup'),
      '--ovs-db',
      await fileOf(server, 'Open_vSwitch', 'a dump'),
      '--local-nb-db',
      await fileOf(own, 'OVN_Northbound', 'a file on disk'),
      ...Object.entries(ADDRESSES).flatMap(([bridge, address]) => [
        '--bridge-address',
        `${bridge}=${address}`,
      ]),
    ]);
    const plan = JSON.parse(stdout) as Readonly<
      Record<'fdb' | 'local_ovn_rows' | 'flows', readonly { readonly text: string }[]>
    >;
    expect(schemaProblems(plan)).toEqual([]);
    const texts = (list: readonly { readonly text: string }[]) => list.map(({ text }) => text).sort();
    expect([...texts(plan.fdb), ...texts(plan.local_ovn_rows)].sort()).toEqual(
      (await expected()).filter((line) => /^(?:fdb|local OVN) /.test(line)),
    );
    expect(plan.flows).toHaveLength((await expected()).filter((line) => line.startsWith('flow ')).length);
  });
});
