/**
 * One agent's turn: it starts on a new node with a number of addresses to expose, then single ports come and go, then
 * nothing happens for a while. All times are the kernel's notifications on the node and on the leaf; no agent is asked.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { databaseSpec, OvsdbClient } from '../../src/ovsdb/index.ts';
import { workloadAddress } from '../support/addresses.ts';
import { HOST } from '../support/bench-node.ts';
import { Cloud, type Transact } from '../support/cloud.ts';
import { KernelWatch } from '../support/kernel-watch.ts';
import { ADVERTISED_IN_VRF, LEARNED, NODE_BASE } from '../support/signs.ts';
import { SouthboundCloud } from '../support/southbound-cloud.ts';
import { type AgentName, ComparedAgent } from './agents.ts';
import type { GroupUsage } from './control-group.ts';
import { type Driver, FabricNode } from './fabric-node.ts';

export interface TurnPlan {
  readonly driver: Driver;
  readonly agent: AgentName;
  readonly addresses: number;
  /** Seconds between two full comparisons of the agent. */
  readonly reconcileInterval: number;
  /** How long the start may take; what is exposed by then counts. */
  readonly capMs: number;
  readonly changes: number;
  /** Absent: not measured. */
  readonly idleMs?: number | undefined;
}

export interface StartSample extends GroupUsage {
  /** Process started to everything on the node; absent when that took longer than the cap. */
  readonly nodeMs: number | undefined;
  /** The same, to all routes at the leaf. */
  readonly leafMs: number | undefined;
  /** Addresses that were complete at the end of the measurement. */
  readonly exposed: number;
}

/** From sending the transaction; absent: not within the time-out. */
export interface ChangeSample {
  readonly nodeMs: number | undefined;
  readonly leafMs: number | undefined;
  readonly goneFromNodeMs: number | undefined;
  readonly goneFromLeafMs: number | undefined;
}

export interface IdleSample {
  readonly windowMs: number;
  readonly cpuMs: number;
  readonly residentBytes: number;
}

export interface Turn {
  readonly plan: TurnPlan;
  readonly start: StartSample;
  readonly changes: readonly ChangeSample[];
  readonly idle?: IdleSample;
}

const CHANGE_TIMEOUT_MS = 60_000;
/** What follows a start is over by then, and so is what follows a change. */
const QUIET_MS = 8_000;
/** A breath between two changes, so that each one meets an agent that waits. */
const BREATH_MS = 500;

export async function takeTurn(plan: TurnPlan): Promise<Turn> {
  const { driver, reconcileInterval } = plan;
  const place = await FabricNode.start({ driver, reconcileInterval });
  const watches = {
    base: new KernelWatch(place.node.netns, NODE_BASE),
    node: new KernelWatch(place.node.netns, ADVERTISED_IN_VRF),
    leaf: new KernelWatch(place.leaf.netns, LEARNED),
  };
  const client = databaseClient(place.database.remote, driver);
  try {
    const ports = await cloud(client, driver);
    await ports.addPorts(0, plan.addresses);
    const agent = await ComparedAgent.start(plan.agent, place);
    try {
      const start = await measureStart(plan, agent, watches);
      const complete = start.nodeMs !== undefined;
      const changes = complete ? await measureChanges(plan, ports, watches) : [];
      const idle =
        complete && plan.idleMs !== undefined ? { idle: await measureIdle(agent, plan.idleMs) } : {};
      if (!agent.running) throw new Error(`the agent (${plan.agent}) ended by itself`);
      return { plan, start, changes, ...idle };
    } finally {
      await agent.stop();
    }
  } finally {
    for (const watch of Object.values(watches)) watch.close();
    await client.close();
    await place.stop();
  }
}

type Watches = Readonly<Record<'base' | 'node' | 'leaf', KernelWatch>>;
type Ports = Pick<Cloud, 'addPorts' | 'setUp'>;

async function measureStart(plan: TurnPlan, agent: ComparedAgent, watches: Watches): Promise<StartSample> {
  const { addresses, capMs } = plan;
  const since = (at: number | undefined): number | undefined =>
    at === undefined ? undefined : at - agent.startedAt;
  if (addresses === 0) {
    const at = await watches.base.whenComplete(1, capMs);
    return { nodeMs: since(at), leafMs: undefined, exposed: 0, ...(await agent.usage()) };
  }
  const all = [watches.node, watches.leaf].map((watch) => inTime(watch.whenComplete(addresses, capMs)));
  const [nodeAt] = await Promise.all(all.slice(0, 1));
  const usage = await agent.usage();
  const exposed = watches.node.complete;
  return { nodeMs: since(nodeAt), leafMs: since(await all[1]), exposed, ...usage };
}

async function measureChanges(plan: TurnPlan, ports: Ports, watches: Watches): Promise<ChangeSample[]> {
  const samples: ChangeSample[] = [];
  if (plan.changes === 0) return samples;
  const number = plan.addresses;
  const address = workloadAddress(number);
  await ports.addPorts(number, 1, false);
  await delay(QUIET_MS);
  // The first change meets cold code, in both agents; it does not count.
  for (let change = -1; change < plan.changes; change++) {
    const came = [watches.node, watches.leaf].map((watch) =>
      inTime(watch.whenExposed(address, CHANGE_TIMEOUT_MS)),
    );
    const up = performance.now();
    await ports.setUp(number, true);
    const [node, leaf] = await Promise.all(came);
    await delay(BREATH_MS);
    const went = [
      inTime(watches.node.whenWithout(address, 'address', CHANGE_TIMEOUT_MS)),
      inTime(watches.leaf.whenWithout(address, 'learned', CHANGE_TIMEOUT_MS)),
    ];
    const down = performance.now();
    await ports.setUp(number, false);
    const [noNode, noLeaf] = await Promise.all(went);
    await delay(BREATH_MS);
    if (change < 0) continue;
    samples.push({
      nodeMs: difference(node, up),
      leafMs: difference(leaf, up),
      goneFromNodeMs: difference(noNode, down),
      goneFromLeafMs: difference(noLeaf, down),
    });
  }
  return samples;
}

async function measureIdle(agent: ComparedAgent, windowMs: number): Promise<IdleSample> {
  await delay(QUIET_MS);
  const before = await agent.usage();
  const began = performance.now();
  await delay(windowMs);
  const after = await agent.usage();
  return {
    windowMs: performance.now() - began,
    cpuMs: after.cpuMs - before.cpuMs,
    residentBytes: after.residentBytes,
  };
}

/** A wait that ran out of time is a measurement, too. */
function inTime(wait: Promise<number>): Promise<number | undefined> {
  return wait.catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('timed out')) return undefined;
    throw error;
  });
}

function difference(at: number | undefined, from: number): number | undefined {
  return at === undefined ? undefined : at - from;
}

function databaseClient(remote: string, driver: Driver): OvsdbClient {
  const database = driver === 'nb' ? 'OVN_Northbound' : 'OVN_Southbound';
  const client = new OvsdbClient({ remotes: remote, database });
  client.replicate(databaseSpec(database, {}));
  client.start();
  return client;
}

function cloud(client: OvsdbClient, driver: Driver): Promise<Ports> {
  const transact: Transact = (operations) => client.transact(operations as never);
  return driver === 'nb' ? Cloud.create(transact, HOST) : SouthboundCloud.create(transact, HOST);
}
