/**
 * Loading 100,000 port bindings of a real Southbound database: the agent's replica against the C client's dump and the
 * Python library of Open vSwitch, each in a process of its own, in interleaved rounds, with the same columns.
 */
import { fileURLToPath } from 'node:url';
import { SOUTHBOUND } from '../src/ovn/southbound-schema.ts';
import { OVN_SB_SCHEMA, type OvsdbServer, startOvsdbServer } from '../test/support/ovsdb-server.ts';
import { workloadAddress, workloadMac } from './support/addresses.ts';
import { type Cost, comparedProgram, measured, PYTHON, pythonHas } from './support/measured.ts';
import { progress } from './support/progress.ts';
import { type Report, target } from './support/report.ts';
import { largest, medianOf, megabytesText, msText, ratioText } from './support/statistics.ts';

const ROWS = 100_000;
const ROUNDS = 5;
const NETWORKS = 20;
const HOSTS = 200;
const BATCH = 5_000;
const HELD_LIMIT_MS = 50;

interface Sample {
  readonly cost: Cost;
  /** From the start of the connection to the last row; absent for a program that cannot tell. */
  readonly loadMs?: number;
  readonly heldMs?: number;
}

export async function benchReplica(rounds: number = ROUNDS): Promise<Report> {
  const server = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
  try {
    progress(`replica: filling the Southbound database with ${ROWS} port bindings`);
    await fill(server);
    const columns = Object.keys(SOUTHBOUND.tables.Port_Binding.columns);
    const worker = fileURLToPath(new URL('./workers/load-replica.js', import.meta.url));
    const programs = new Map<string, () => Promise<Sample>>([
      [
        'this project',
        async () => told(await measured([process.execPath, worker, server.remote, `${ROWS}`])),
      ],
      [
        'ovsdb-client dump (C, keeps nothing)',
        async () =>
          await measured(
            [
              'ovsdb-client',
              '--timeout=120',
              'dump',
              server.remote,
              'OVN_Southbound',
              'Port_Binding',
              ...columns,
            ],
            { discardOutput: true },
          ),
      ],
    ]);
    const notes = [
      `Every program reads the ${columns.length} columns of Port_Binding that the agent uses. "load" is from connecting to the last row, as told by the program; "process" includes its start and end.`,
    ];
    if (await pythonHas('ovs.db.idl')) {
      const idl = [
        PYTHON,
        comparedProgram('load_idl.py'),
        server.remote,
        OVN_SB_SCHEMA,
        'Port_Binding',
        `${ROWS}`,
      ];
      programs.set('Python IDL', async () => told(await measured([...idl, ...columns])));
      notes.push(
        (await pythonHas('ovs._json'))
          ? 'The Python library uses its JSON parser written in C.'
          : 'The Python library runs without its JSON parser written in C.',
      );
    } else
      notes.push('The Python library of Open vSwitch is not installed (python3-openvswitch): not compared.');

    const samples = new Map([...programs.keys()].map((name) => [name, [] as Sample[]]));
    for (let round = 1; round <= rounds; round++) {
      for (const [name, run] of programs) {
        progress(`replica: round ${round} of ${rounds}: ${name}`);
        samples.get(name)?.push(await run());
      }
    }
    return report(samples, notes);
  } finally {
    await server.stop();
  }
}

function report(samples: ReadonlyMap<string, readonly Sample[]>, notes: readonly string[]): Report {
  const ours = samples.get('this project') ?? [];
  const wall = (list: readonly Sample[]): number => medianOf(list, ({ cost }) => cost.wallMs);
  const load = (list: readonly Sample[]): number =>
    medianOf(list, ({ cost, loadMs }) => loadMs ?? cost.wallMs);
  const rows = [...samples].map(([name, list]) => [
    name,
    ratioText(load(list), load(ours)),
    msText(load(list)),
    msText(wall(list)),
    msText(medianOf(list, ({ cost }) => cost.cpuMs)),
    megabytesText(medianOf(list, ({ cost }) => cost.peakBytes)),
    list.some(({ heldMs }) => heldMs !== undefined)
      ? msText(largest(list.map(({ heldMs }) => heldMs ?? 0)))
      : '–',
  ]);
  const idl = samples.get('Python IDL');
  const held = medianOf(ours, ({ heldMs }) => heldMs ?? 0);
  return {
    name: 'replica',
    title: `Loading ${ROWS.toLocaleString('en')} port bindings`,
    columns: ['program', 'load, ratio', 'load', 'process', 'CPU', 'peak memory', 'loop held at most'],
    rows,
    targets: [
      ...(idl === undefined
        ? []
        : [
            target(
              'faster than the Python library',
              'at least 4x',
              ratioText(load(idl), load(ours)),
              load(idl) >= 4 * load(ours),
            ),
          ]),
      target(
        'longest hold of the event loop, median of the rounds',
        `below ${HELD_LIMIT_MS} ms`,
        msText(held),
        held < HELD_LIMIT_MS,
      ),
    ],
    notes,
    samples: Object.fromEntries(samples),
  };
}

function told({ cost, stdout }: { readonly cost: Cost; readonly stdout: string }): Sample {
  return { cost, ...(JSON.parse(stdout) as Omit<Sample, 'cost'>) };
}

async function fill(server: OvsdbServer): Promise<void> {
  const datapaths = await server.transact(
    'OVN_Southbound',
    Array.from({ length: NETWORKS }, (_, index) => ({
      op: 'insert',
      table: 'Datapath_Binding',
      row: { tunnel_key: index + 1, external_ids: ['map', [['name', `neutron-network-${index}`]]] },
    })),
  );
  const chassis = await server.transact(
    'OVN_Southbound',
    Array.from({ length: HOSTS }, (_, index) => [
      {
        op: 'insert',
        table: 'Encap',
        'uuid-name': `encap${index}`,
        row: { type: 'geneve', ip: `192.0.2.${index}`, chassis_name: `chassis-${index}` },
      },
      {
        op: 'insert',
        table: 'Chassis',
        row: {
          name: `chassis-${index}`,
          hostname: `compute-${index}`,
          encaps: ['named-uuid', `encap${index}`],
        },
      },
    ]).flat(),
  );
  for (let from = 0; from < ROWS; from += BATCH) {
    await server.transact(
      'OVN_Southbound',
      Array.from({ length: BATCH }, (_, offset) => {
        const number = from + offset;
        return portBinding(
          number,
          datapaths[number % NETWORKS]?.uuid,
          chassis[2 * (number % HOSTS) + 1]?.uuid,
        );
      }),
    );
  }
}

/** A row as ovn-northd and ovn-controller leave it for a virtual machine of Neutron's. */
function portBinding(number: number, datapath: unknown, chassis: unknown): unknown {
  const id = `${number.toString(16).padStart(8, '0')}-1111-4222-8333-444455556666`;
  const address = workloadAddress(number);
  return {
    op: 'insert',
    table: 'Port_Binding',
    row: {
      logical_port: id,
      datapath,
      chassis,
      tunnel_key: Math.floor(number / NETWORKS) + 1,
      mac: `${workloadMac(number)} ${address}`,
      up: true,
      options: [
        'map',
        [
          ['mcast_flood_reports', 'true'],
          ['requested-chassis', `compute-${number % HOSTS}`],
        ],
      ],
      external_ids: [
        'map',
        [
          ['name', `vm-${number}`],
          ['neutron:cidrs', `${address}/13`],
          ['neutron:device_id', id.replace('1111', '2222')],
          ['neutron:device_owner', 'compute:nova'],
          ['neutron:host_id', `compute-${number % HOSTS}`],
          ['neutron:network_name', `neutron-network-${number % NETWORKS}`],
          ['neutron:port_name', `vm-${number}`],
          ['neutron:project_id', '99999999000040008000000000000001'],
          ['neutron:revision_number', '4'],
          ['neutron:security_group_ids', ''],
        ],
      ],
    },
  };
}
