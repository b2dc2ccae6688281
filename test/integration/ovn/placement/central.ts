/**
 * Both databases in one server, a real ovn-northd between them, and replicas of them, for one cloud after the other.
 *
 * In: operations on the Northbound database, and which binding is where. Out: replicas that have seen what northd made of
 * it: northd copies `nb_cfg`, and a replica sees the copy after what was written before it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NORTHBOUND } from '../../../../src/ovn/northbound-schema.ts';
import { SOUTHBOUND } from '../../../../src/ovn/southbound-schema.ts';
import { databaseSpec, OvsdbClient, type Replica, tableSpec } from '../../../../src/ovsdb/index.ts';
import { ended } from '../../../support/child.ts';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
} from '../../../support/ovsdb-server.ts';
import { until } from '../../../support/until.ts';
import { CHASSIS, type Cloud } from './cloud.ts';
import { bindingsOf, CLEARING, northboundOperations, type Operation } from './rows.ts';

const NB = databaseSpec(NORTHBOUND.name, {
  ...NORTHBOUND.tables,
  NB_Global: tableSpec({ ...NORTHBOUND.tables.NB_Global.columns, sb_cfg: 'integer' }, { all: () => 'all' }),
});

/** What the drivers read, and what the judge reads besides. */
export const SB = databaseSpec(SOUTHBOUND.name, {
  ...SOUTHBOUND.tables,
  SB_Global: tableSpec({ nb_cfg: 'integer' }),
  Address_Set: tableSpec({ name: 'string', addresses: 'string-set' }, { name: (row) => row.name }),
  Logical_Flow: tableSpec({
    logical_datapath: 'optional-uuid',
    logical_dp_group: 'optional-uuid',
    priority: 'integer',
    match: 'string',
    actions: 'string',
    external_ids: 'string-map',
  }),
});

export interface Central {
  readonly version: string;
  readonly northbound: Replica<typeof NB>;
  readonly southbound: Replica<typeof SB>;
  /** Puts the cloud in place of the one before and waits until northd and the replicas have followed. */
  show(cloud: Cloud): Promise<void>;
  stop(): Promise<void>;
}

const program = process.env.OVN_NORTHD ?? 'ovn-northd';

export async function startCentral(): Promise<Central> {
  const server = await startOvsdbServer({
    schemas: [process.env.OVN_NB_SCHEMA ?? OVN_NB_SCHEMA, process.env.OVN_SB_SCHEMA ?? OVN_SB_SCHEMA],
  });
  const northd = startNorthd(server);
  const clients = [NB.name, SB.name].map((database) => new OvsdbClient({ remotes: server.remote, database }));
  const [nbClient, sbClient] = clients as [OvsdbClient, OvsdbClient];
  const northbound = nbClient.replicate(NB);
  const southbound = sbClient.replicate(SB);
  const stop = async (): Promise<void> => {
    for (const client of clients) await client.close();
    await ended(northd, 'SIGTERM');
    await server.stop();
  };
  try {
    for (const client of clients) client.start();
    await Promise.all(
      [northbound, southbound].map((replica) => replica.whenSynchronized(AbortSignal.timeout(15_000))),
    );
    // northd makes the row.
    await until('northd runs', () => northbound.tables.NB_Global.size === 1);
    await server.transact(SB.name, CHASSIS.flatMap(chassisOperations));
    let config = 0;
    const followed = async (operations: readonly Operation[]): Promise<void> => {
      config += 1;
      const mark = { op: 'update', table: 'NB_Global', where: [], row: { nb_cfg: config } };
      await server.transact(NB.name, [...operations, mark]);
      const nbSeen = () => [...northbound.tables.NB_Global].some(({ sb_cfg }) => sb_cfg === config);
      const sbSeen = () => [...southbound.tables.SB_Global].some(({ nb_cfg }) => nb_cfg === config);
      await until('northd followed', () => nbSeen() && sbSeen(), 30_000, 5);
    };
    const { stdout } = await promisify(execFile)(program, ['--version']);
    return {
      version: stdout.split('\n')[0] ?? '',
      northbound,
      southbound,
      show: async (cloud) => {
        for (const operations of CLEARING) await server.transact(NB.name, operations);
        await followed(northboundOperations(cloud));
        await server.transact(SB.name, bindingOperations(cloud, southbound));
        await followed([]);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startNorthd(server: OvsdbServer): ChildProcess {
  return spawn(
    program,
    [
      `--ovnnb-db=${server.remote}`,
      `--ovnsb-db=${server.remote}`,
      `--unixctl=${join(server.directory, 'northd.ctl')}`,
      '-vconsole:off',
    ],
    { stdio: 'ignore' },
  );
}

/** What ovn-controllers say that they can; northd writes older forms for those that say nothing. */
const FEATURES = [
  'map',
  ['ct-no-masked-label', 'ct-lb-related', 'mac-binding-timestamp', 'ls-dpg-column'].map((name) => [
    name,
    'true',
  ]),
];

function chassisOperations(name: string): readonly Operation[] {
  const encap = `encap${name}`;
  return [
    {
      op: 'insert',
      table: 'Encap',
      row: { type: 'geneve', ip: `192.0.2.${name.slice(1)}`, chassis_name: name },
      'uuid-name': encap,
    },
    {
      op: 'insert',
      table: 'Chassis',
      row: { name, hostname: name, encaps: ['named-uuid', encap], other_config: FEATURES },
    },
  ];
}

/** As ovn-controllers claim ports: those that northd made, on chassis that exist. */
function bindingOperations(cloud: Cloud, { tables }: Replica<typeof SB>): readonly Operation[] {
  // Bindings of the same name may be left of the cloud before.
  const clear = { op: 'update', table: 'Port_Binding', where: [], row: { chassis: ['set', []], up: false } };
  const claims = [...bindingsOf(cloud)].flatMap(([port, { chassis, up }]) => {
    const uuid = tables.Chassis.find('name', chassis)[0]?._uuid;
    if (uuid === undefined || tables.Port_Binding.find('logicalPort', port).length === 0) return [];
    const row = { chassis: ['uuid', uuid], up };
    return [{ op: 'update', table: 'Port_Binding', where: [['logical_port', '==', port]], row }];
  });
  return [clear, ...claims];
}
