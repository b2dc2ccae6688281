import { describe, expect, it } from 'vitest';
import { type MacAddress, parseIp, parseMac } from '../base/address.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { AgentConfig } from '../config/types.ts';
import { describe as words } from '../node/describe.ts';
import { SWITCH_SPEC } from '../openvswitch/schema.ts';
import { type MemoryDatabase, memoryDatabase } from '../ovn/memory-database.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import { northboundCloud, southboundCloud } from '../ovn/testing.ts';
import {
  type DatabaseFile,
  type DatabaseSpec,
  databaseFile,
  databaseSpec,
  tableSpec,
} from '../ovsdb/index.ts';
import { databaseLog } from '../ovsdb/testing/database-log.ts';
import { type OfflineInput, type OfflinePlan, offlinePlan } from './offline-plan.ts';
import { OfflineInputError } from './ovn-files.ts';

const NB = { driver: 'nb_ovn_bgp_driver', exposingMethod: 'underlay' } as const;
const SB = { driver: 'ovn_bgp_driver', exposingMethod: 'underlay' } as const;
const ROUTER_ID = parseIp('192.0.2.1');

const fileOf = <D extends DatabaseSpec>(spec: D, { views }: MemoryDatabase<D>): DatabaseFile =>
  databaseFile(databaseLog(spec, views), `${spec.name}.db`);

function northbound(): DatabaseFile {
  const cloud = northboundCloud();
  cloud.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: 'VLAN', localnet: 'provnet-2', physicalNetwork: 'physnet1', vlan: 100 });
  const port = { network: 'PUB', addresses: 'fa:16:3e:00:00:01 172.24.4.10', requestedChassis: 'cmp-1' };
  cloud.addPort({ name: 'vm-1', ...port });
  cloud.addPort({
    ...port,
    name: 'vm-2',
    addresses: 'fa:16:3e:00:00:02 172.24.4.11',
    requestedChassis: 'cmp-2',
  });
  return fileOf(NORTHBOUND, cloud.db);
}

function southbound(chassis: string): DatabaseFile {
  const cloud = southboundCloud();
  cloud.addChassis(chassis);
  cloud.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addPort({
    name: 'vm-1',
    network: 'PUB',
    addresses: 'fa:16:3e:00:00:01 172.24.4.10',
    chassis,
    up: true,
  });
  return fileOf(SOUTHBOUND, cloud.db);
}

/** A Southbound database of chassis alone, with their host names. */
function chassisFile(...hosts: readonly (readonly [name: string, hostname: string])[]): DatabaseFile {
  const spec = databaseSpec('OVN_Southbound', { Chassis: tableSpec({ name: 'string', hostname: 'string' }) });
  const db = memoryDatabase(spec);
  for (const [name, hostname] of hosts) db.insert('Chassis', { name, hostname }, name);
  return fileOf(spec, db);
}

const WITH_SETTINGS = databaseSpec('Open_vSwitch', {
  ...SWITCH_SPEC.tables,
  Bridge: tableSpec({
    name: 'string',
    datapath_type: 'string',
    ports: 'uuid-set',
    other_config: 'string-map',
  }),
});

/** One mapped bridge with the patch port of the flat network. */
function switchFile(
  options: { readonly mac?: string; readonly hwaddr?: string; readonly ids?: object } = {},
): DatabaseFile {
  const db = memoryDatabase(WITH_SETTINGS);
  const ids = {
    'system-id': 'C1',
    hostname: 'cmp-1',
    'ovn-bridge-mappings': 'physnet1:br-ex',
    ...options.ids,
  };
  db.insert('Open_vSwitch', { external_ids: new Map(Object.entries(ids)) }, 'root');
  const port = (name: string, type: string, ofport: number, mac?: string): string => {
    db.insert('Interface', { name, type, ofport, mac_in_use: mac }, `interface ${name}`);
    db.insert('Port', { name, interfaces: [`interface ${name}`] }, `port ${name}`);
    return `port ${name}`;
  };
  const ports = [
    port('br-ex', 'internal', 65534, options.mac),
    port('patch-provnet-1-to-br-int', 'patch', 7),
  ];
  const otherConfig = new Map(options.hwaddr === undefined ? [] : [['hwaddr', options.hwaddr]]);
  db.insert('Bridge', { name: 'br-ex', ports, other_config: otherConfig }, 'bridge br-ex');
  return fileOf(WITH_SETTINGS, db);
}

function planOf(
  config: Partial<AgentConfig>,
  input: Omit<OfflineInput, 'config' | 'bridgeMacs'> & Partial<OfflineInput>,
): OfflinePlan {
  const routerId = ROUTER_ID === undefined ? {} : { bgpRouterId: ROUTER_ID };
  return offlinePlan({ bridgeMacs: new Map(), ...input, config: defaultConfig({ ...routerId, ...config }) });
}

const textOf = (plan: OfflinePlan, kind: string): string[] =>
  plan.desired.filter(({ object }) => object.kind === kind).map(({ object }) => words(object));
const macs = (text: string): ReadonlyMap<string, MacAddress> =>
  new Map([['br-ex', parseMac(text) as MacAddress]]);
const subjects = (plan: OfflinePlan): string[] => plan.assumptions.map(({ subject }) => subject);

describe('a plan from files', () => {
  it('holds addresses against the databases and tunnels that the files name, and says what it does not know', () => {
    const refused = (ids: Readonly<Record<string, string>>) => {
      const plan = planOf(NB, { files: { northbound: northbound(), openVSwitch: switchFile({ ids }) } });
      const assumed = plan.assumptions.find(
        ({ subject }) => subject === 'what the node needs itself',
      )?.assumed;
      const needed = plan.denials.filter(({ code }) => code === 'needed-by-node');
      return [needed.map(({ address }) => address), assumed];
    };
    const unknown = 'nothing is held against its addresses and networks, next hops, BGP peers';
    const needed = ['172.24.4.10'];
    expect(refused({})).toEqual([[], expect.stringContaining(unknown)]);
    expect(refused({ 'ovn-encap-ip': '172.24.4.10' })).toEqual([
      needed,
      expect.stringContaining('(1 known)'),
    ]);
    expect(refused({ 'ovn-remote': 'tcp:172.24.4.10:6642,tcp:db:6642' })).toEqual([
      needed,
      expect.stringContaining(`${unknown}, addresses of db`),
    ]);
  });

  it('is what the node of the Open_vSwitch file would hold', () => {
    const plan = planOf(NB, {
      files: { northbound: northbound(), openVSwitch: switchFile({ mac: '02:00:00:00:00:21' }) },
    });
    expect(plan.identity).toEqual({ hostname: 'cmp-1', systemId: 'C1' });
    expect(plan.exposures.map(({ prefix }) => prefix)).toEqual(['172.24.4.10/32']);
    expect(textOf(plan, 'flow')).toEqual([
      'flow br-ex priority=900,ip,in_port=7 actions=mod_dl_dst:02:00:00:00:00:21,NORMAL',
      'flow br-ex priority=900,ipv6,in_port=7 actions=mod_dl_dst:02:00:00:00:00:21,NORMAL',
    ]);
    expect(textOf(plan, 'rule')).toEqual(['rule to 172.24.4.10/32 lookup 1']);
    expect(textOf(plan, 'frr')).toHaveLength(1);
    expect(plan.pending).toEqual([]);
    expect(plan.warnings).toEqual([]);
    expect(subjects(plan)).toEqual([
      'kernel of the node',
      'routing table numbers',
      'what the node needs itself',
    ]);
    expect(plan.sources).toEqual([
      {
        database: 'northbound',
        file: 'OVN_Northbound.db',
        format: 'standalone',
        schemaVersion: '1.0.0',
        date: '2023-11-14T22:13:20.000Z',
        lacks: [],
      },
      expect.objectContaining({ database: 'open_vswitch', lacks: [] }),
    ]);
  });

  it('of another chassis shows that one, and says so', () => {
    const files = {
      northbound: northbound(),
      openVSwitch: switchFile(),
      southbound: chassisFile(['C1', 'cmp-1'], ['C2', 'cmp-2']),
    };
    const plan = planOf(NB, { files, chassis: 'C2', hostname: 'cmp-2' });
    expect(plan.exposures.map(({ prefix }) => prefix)).toEqual(['172.24.4.11/32']);
    expect(plan.warnings).toEqual(['Open_vSwitch.db is of chassis "C1", the plan is for "C2"']);
  });

  it('takes the MAC address of a bridge from the flag, the file or its settings, and else lists what it takes', () => {
    const of = (
      given: ReadonlyMap<string, MacAddress>,
      ...[options]: Parameters<typeof switchFile>
    ): readonly [string, string[]] => {
      const plan = planOf(NB, {
        files: { northbound: northbound(), openVSwitch: switchFile(options) },
        bridgeMacs: given,
      });
      return [/mod_dl_dst:([0-9a-f:]+),/.exec(textOf(plan, 'flow').join())?.[1] ?? 'none', subjects(plan)];
    };
    const known = ['kernel of the node', 'routing table numbers', 'what the node needs itself'];
    const both = { mac: '02:00:00:00:00:02', hwaddr: '02:00:00:00:00:03' };
    expect(of(macs('02:00:00:00:00:01'), both)).toEqual(['02:00:00:00:00:01', known]);
    expect(of(new Map(), both)).toEqual([both.mac, known]);
    expect(of(new Map(), { hwaddr: both.hwaddr })).toEqual([both.hwaddr, known]);
    expect(of(new Map())).toEqual(['00:00:00:00:00:00', ['MAC address of bridge br-ex', ...known]]);
  });

  it('without an Open_vSwitch file has every mapped bridge with all its patch ports, and says that it assumes them', () => {
    const plan = planOf(NB, {
      files: { northbound: northbound() },
      chassis: 'C1',
      hostname: 'cmp-1',
      bridgeMappings: 'physnet1:br-ex,physnet9:br-9',
    });
    expect(plan.pending).toEqual([]);
    expect(textOf(plan, 'address')).toContain('address 172.24.4.10/32 dev bgp-nic');
    expect(textOf(plan, 'flow').map((text) => /in_port=\d/.exec(text)?.[0])).toEqual([
      'in_port=1',
      'in_port=2',
      'in_port=1',
      'in_port=2',
    ]);
    expect(subjects(plan)).toEqual([
      'MAC address of bridge br-ex',
      'OpenFlow ports of the patch ports of bridge br-ex',
      'MAC address of bridge br-9',
      'kernel of the node',
      'routing table numbers',
      'what the node needs itself',
    ]);
  });

  it('numbers routing tables as the lines of the node say', () => {
    const files = { northbound: northbound(), openVSwitch: switchFile() };
    const plan = planOf(NB, { files, rtTables: [{ number: 77, name: 'br-ex' }] });
    expect(textOf(plan, 'rule')).toEqual(['rule to 172.24.4.10/32 lookup 77']);
    expect(subjects(plan)).not.toContain('routing table numbers');
  });

  it('takes the mappings that are given before those of the file, and warns of odd ones', () => {
    const files = { northbound: northbound(), openVSwitch: switchFile() };
    const plan = planOf(NB, { files, bridgeMappings: 'physnet2:br-ex,odd' });
    expect(plan.exposures).toEqual([]);
    expect(plan.warnings.join()).toMatch(/item 2 of ovn-bridge-mappings, "odd", is ignored/);
  });

  it('reports an unknown router id', () => {
    const { pending } = offlinePlan({
      config: defaultConfig(NB),
      files: { northbound: northbound(), openVSwitch: switchFile() },
      bridgeMacs: new Map(),
    });
    expect(pending.map(({ subject }) => subject)).toEqual(['FRR leak']);
  });

  it('of the Southbound driver needs no host name, and warns of an unknown chassis', () => {
    const files = { southbound: southbound('C1') };
    const of = (chassis: string): OfflinePlan =>
      planOf(SB, { files, chassis, bridgeMappings: 'physnet1:br-ex' });
    expect(of('C1').exposures.map(({ prefix }) => prefix)).toEqual(['172.24.4.10/32']);
    expect(of('C1').identity).toEqual({ hostname: 'C1', systemId: 'C1' });
    expect(of('C9')).toMatchObject({
      exposures: [],
      warnings: ['OVN_Southbound.db has no chassis "C9"; it has "C1"'],
    });
  });

  it('finds the host name of a chassis in the Southbound file', () => {
    const files = { northbound: northbound(), southbound: chassisFile(['C1', 'cmp-1']) };
    expect(planOf(NB, { files, chassis: 'C1', bridgeMappings: 'physnet1:br-ex' }).identity.hostname).toBe(
      'cmp-1',
    );
  });
});

describe('a cloud without Neutron', () => {
  const cloud = northboundCloud();
  cloud.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  const addresses = 'fa:16:3e:00:00:01 172.24.4.10';
  cloud.addPort({ name: 'vm-1', network: 'PUB', addresses, namesNetwork: false });
  const files = { northbound: fileOf(NORTHBOUND, cloud.db), openVSwitch: switchFile() };

  it('is placed by the bindings in the Southbound file', () => {
    const plan = planOf(NB, { files: { ...files, southbound: southbound('C1') } });
    expect(plan.exposures.map(({ prefix }) => prefix)).toEqual(['172.24.4.10/32']);
    expect(plan.warnings).toEqual([]);
    expect(plan.sources.map(({ database }) => database)).toEqual([
      'northbound',
      'southbound',
      'open_vswitch',
    ]);
  });

  it('is nowhere without them, with a warning', () => {
    const plan = planOf(NB, { files });
    expect(plan.exposures).toEqual([]);
    expect(plan.warnings.join()).toMatch(
      /^OVN_Northbound\.db has ports whose place only the Southbound .*: give --sb-db FILE$/,
    );
  });
});

describe('what is missing is named', () => {
  const nb = { files: { northbound: northbound() } };
  const mapped = { bridgeMappings: 'physnet1:br-ex' };
  const noName = switchFile({ ids: { hostname: '' } });
  it.each<[string, Partial<AgentConfig>, Omit<OfflineInput, 'config' | 'bridgeMacs'>, RegExp]>([
    [
      'the Northbound database',
      NB,
      { files: { southbound: southbound('C1') } },
      /nb_ovn_bgp_driver reads OVN_Northbound: give --nb-db FILE$/,
    ],
    ['the Southbound database', SB, nb, /= ovn_bgp_driver reads OVN_Southbound: give --sb-db FILE$/],
    ['the bridges', NB, nb, /give --ovs-db FILE, or --bridge-mappings TEXT/],
    ['the chassis', NB, { ...nb, ...mapped }, /give --chassis NAME/],
    [
      'the host name',
      NB,
      { ...nb, ...mapped, chassis: 'C1' },
      /chassis "C1" is not known: give --hostname NAME/,
    ],
    [
      'the host name in the files',
      NB,
      { files: { ...nb.files, openVSwitch: noName, southbound: chassisFile(['C1', '']) } },
      /give --hostname NAME/,
    ],
  ])('%s', (_what, config, input, message) => {
    const plan = (): OfflinePlan => planOf(config, input);
    expect(plan).toThrow(OfflineInputError);
    expect(plan).toThrow(message);
  });

  it('a file of another database is refused by name', () => {
    const files = { northbound: southbound('C1'), openVSwitch: switchFile() };
    expect(() => planOf(NB, { files })).toThrow('OVN_Southbound.db holds OVN_Southbound, not OVN_Northbound');
  });
});
