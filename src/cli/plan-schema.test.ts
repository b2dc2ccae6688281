/** docs/reference/plan.schema.json against what `plan --output json` really prints. */
import { describe, expect, it } from 'vitest';
import { desiredNode } from '../agent/desired-node.ts';
import { dryRunOf } from '../agent/dry-run.ts';
import { FactsReader } from '../agent/facts-reader.ts';
import { OvnNode } from '../agent/local-ovn-testing.ts';
import { offlinePlan } from '../agent/offline-plan.ts';
import { ovnSwitchFile } from '../agent/offline-testing.ts';
import { BRIDGE, bareNode } from '../agent/testing.ts';
import { type IpAddress, type MacAddress, type Prefix, parseIp } from '../base/address.ts';
import { silentLogger } from '../base/logger.ts';
import { defaultConfig } from '../config/assemble.ts';
import { EXPOSURE_KINDS } from '../config/exposure-kinds.ts';
import type { AgentConfig } from '../config/types.ts';
import type { Delivery, Exposure } from '../exposures/types.ts';
import { FakeLocalOvn } from '../localnb/fake-local-ovn.ts';
import { LOCAL_NORTHBOUND } from '../localnb/schema.ts';
import { Node } from '../node/node.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { northboundCloud } from '../ovn/testing.ts';
import { databaseFile } from '../ovsdb/index.ts';
import { databaseLog } from '../ovsdb/testing/database-log.ts';
import { offlineJson } from './offline-format.ts';
import { planJson } from './plan-format.ts';
import { LISTS } from './plan-lists.ts';
import { PLAN_SCHEMA, schemaProblems } from './testing.ts';

type Json = Record<string, unknown>;

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };

function cloud() {
  const made = northboundCloud();
  made.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  made.addNetwork({ name: 'VLAN', localnet: 'provnet-2', physicalNetwork: 'physnet1', vlan: 100 });
  const addresses = 'fa:16:3e:00:00:01 172.24.4.10 2001:db8::10';
  made.addPort({
    name: 'vm-1',
    network: 'PUB',
    addresses,
    requestedChassis: 'cmp-1',
    cidrs: '2001:db8::10/64',
  });
  made.addPort({
    name: 'vm-2',
    network: 'PUB',
    addresses: 'fa:16:3e:00:00:02 172.24.4.11',
    requestedChassis: 'cmp-2',
  });
  made.addPort({
    name: 'vm-3',
    network: 'PUB',
    addresses: 'nonsense 172.24.4.12',
    requestedChassis: 'cmp-1',
  });
  return made;
}

const CONFIGS: readonly (readonly [string, Partial<AgentConfig>])[] = [
  ['VRF and VLAN devices', {}],
  ['route attributes', { meds: [{ selector: 'provider-port', med: 7 }] }],
  ['blackhole routes and OVS ports', { advertiseVia: 'main', vlanHandover: 'ovs' }],
];

/** A node with an OVN of its own, and peers that are typed in. */
const peerIps = ['192.0.2.1', '192.0.2.5'].map((text) => parseIp(text)).filter((peer) => peer !== undefined);
const OVN: Partial<AgentConfig> = {
  exposingMethod: 'ovn',
  localOvnCluster: { ...defaultConfig().localOvnCluster, shape: 'compatible', bfd: true, peerIps },
};

function configOf(settings: Partial<AgentConfig>): AgentConfig {
  const bgpRouterId = parseIp('192.0.2.1');
  return defaultConfig({ driver: 'nb_ovn_bgp_driver', exposingMethod: 'underlay', bgpRouterId, ...settings });
}

/** The same cloud through the OVN of a node: without `--ovs-db` there is no such plan. */
function offlineOvn(): Json {
  const northbound = databaseFile(databaseLog(NORTHBOUND, cloud().db.views), 'nb.db');
  const local = databaseFile(databaseLog(LOCAL_NORTHBOUND, new FakeLocalOvn().database.tables()), 'local.db');
  const files = { northbound, openVSwitch: ovnSwitchFile(), localNorthbound: local };
  return JSON.parse(
    offlineJson(offlinePlan({ config: configOf(OVN), files, bridgeMacs: new Map() })),
  ) as Json;
}

function offline(settings: Partial<AgentConfig>): Json {
  const northbound = databaseFile(databaseLog(NORTHBOUND, cloud().db.views), 'nb.db');
  const plan = offlinePlan({
    config: configOf(settings),
    files: { northbound },
    chassis: IDENTITY.systemId,
    hostname: IDENTITY.hostname,
    bridgeMappings: 'physnet1:br-ex,odd',
    bridgeMacs: new Map(),
  });
  return JSON.parse(offlineJson(plan)) as Json;
}

/** Of a node with something of every kind that the agent did not make or has to correct. */
async function live(settings: Partial<AgentConfig>): Promise<Json> {
  const config = configOf(settings);
  const edge = bareNode();
  edge.netlink.addLink({ name: config.bgpNic, kind: 'veth', mac: '02:00:00:00:00:01' });
  edge.ovs.tamper(BRIDGE, [
    { op: 'add', flow: { cookie: 999, priority: 900, match: 'ip,in_port=3', actions: 'NORMAL' } },
    { op: 'add', flow: { cookie: 999, priority: 900, match: 'ip,in_port=77', actions: 'NORMAL' } },
  ]);
  const reader = new FactsReader(edge, config, silentLogger);
  const facts = await reader.read(AbortSignal.timeout(5000));
  const topology = createNorthboundTopology(cloud().db.views, IDENTITY);
  const wanted = desiredNode(config, topology, facts);
  const node = new Node(edge, silentLogger);
  try {
    node.setScope(reader.scope(facts));
    await node.read();
    return JSON.parse(planJson(dryRunOf(IDENTITY, wanted, node))) as Json;
  } finally {
    node.close();
  }
}

describe('the schema of plan', () => {
  it.each(CONFIGS)('fits offline plans: %s', (_what, settings) => {
    const plan = offline(settings);
    expect(schemaProblems(plan)).toEqual([]);
    for (const member of ['assumptions', 'warnings', 'exposures', 'denials'])
      expect(plan[member]).not.toEqual([]);
  });

  it('fits offline plans of the method ovn', () => {
    const plan = offlineOvn();
    expect(schemaProblems(plan)).toEqual([]);
    for (const member of ['fdb', 'local_ovn_rows', 'flows', 'exposures'])
      expect(plan[member]).not.toEqual([]);
    expect((plan.sources as { readonly database: string }[]).map(({ database }) => database)).toEqual([
      'northbound',
      'open_vswitch',
      'local_northbound',
    ]);
  });

  it.each(CONFIGS)('fits live plans: %s', async (_what, settings) => {
    const plan = await live(settings);
    expect(schemaProblems(plan)).toEqual([]);
    const operations = (plan.changes as { readonly op: string }[]).map(({ op }) => op);
    expect([...new Set(operations)].sort()).toEqual(['add', 'change', 'remove']);
  });

  it('fits live plans of the method ovn', async () => {
    const made = new OvnNode();
    const config = configOf({ exposingMethod: 'ovn' });
    const reader = new FactsReader(made.edge, config, silentLogger);
    const facts = await reader.read(AbortSignal.timeout(5000));
    const wanted = desiredNode(config, made.topology, facts);
    const node = new Node(made.edge, silentLogger);
    node.setScope(reader.scope(facts));
    await node.read();
    const plan = JSON.parse(planJson(dryRunOf(IDENTITY, wanted, node))) as Json;
    node.close();
    expect(schemaProblems(plan)).toEqual([]);
    const kinds = (plan.changes as { readonly object: { readonly kind: string } }[]).map(
      ({ object }) => object.kind,
    );
    expect([...new Set(kinds)]).toEqual(expect.arrayContaining(['fdb', 'local-row']));
  });

  it('is tried with every kind of object', async () => {
    const plans = [...CONFIGS.map(([, settings]) => offline(settings)), offlineOvn()];
    expect(LISTS.filter((name) => plans.every((plan) => (plan[name] as unknown[]).length === 0))).toEqual([]);
    expect((await live({})).blocked).not.toEqual([]);
  });

  it('fits every way of delivery', () => {
    const [base] = offline({}).exposures as readonly Exposure[];
    const [subnet, via, mac] = [
      '192.0.2.0/24' as Prefix,
      '192.0.2.1' as IpAddress,
      '02:00:00:00:00:01' as MacAddress,
    ];
    const deliveries: readonly Delivery[] = [
      { type: 'link', mac, proxyNdp: [via] },
      { type: 'link', proxyNdp: [] },
      { type: 'via', via, mac },
      { type: 'via', via },
      { type: 'covered', subnet, by: 'subnet:x', via },
    ];
    const exposures = deliveries.map((delivery) => ({ ...base, delivery, announce: false, tag: 'gold' }));
    expect(schemaProblems({ ...offline({}), exposures })).toEqual([]);
    expect(
      schemaProblems({ ...offline({}), exposures: [{ ...base, delivery: { type: 'via' } }] }),
    ).not.toEqual([]);
  });

  it('refuses what it does not describe, at every place', async () => {
    for (const plan of [offline({}), await live({})]) {
      for (const broken of withStranger(plan)) expect(schemaProblems(broken)).not.toEqual([]);
    }
  });

  it('names every kind of exposure', () => {
    expect(PLAN_SCHEMA.$defs.exposure?.properties?.kind?.enum).toEqual(EXPOSURE_KINDS);
  });
});

/** Copies of a value, each with one member too many in one of its objects. */
function* withStranger(value: unknown): Iterable<unknown> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { ...value, stranger: 1 };
  for (const [key, inner] of Object.entries(value)) {
    for (const broken of withStranger(inner)) {
      yield Array.isArray(value) ? value.with(Number(key), broken) : { ...value, [key]: broken };
    }
  }
}
