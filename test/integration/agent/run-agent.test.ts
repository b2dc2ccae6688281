/**
 * The daemon as it runs: its own wiring of sources, loop and node, over a captured cloud in a real ovsdb-server and a node
 * in memory that holds what the Python agent left.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../../../src/agent/agent.ts';
import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import { VirtualClock } from '../../../src/base/virtual-clock.ts';
import type { AgentConfig } from '../../../src/config/types.ts';
import type { FakeNode } from '../../../src/node/fake-node.ts';
import { BRIDGE } from '../conformance/captured-objects.ts';
import { type CapturedCloud, startCloud } from '../conformance/captures.ts';

const NODE = 'compute1';
/** Of the port of this node on the flat network. */
const ADDRESS = '172.24.4.10/32';

let cloud: CapturedCloud;
let edge: FakeNode;
let stops: (() => Promise<void>)[];
let warnings: string[];
/** The agent's timers; what it waits for otherwise comes by itself. */
let clock: VirtualClock;
const warn = (fields: object, message: string): void =>
  void warnings.push(`${message} ${JSON.stringify(fields)}`);
const log: Logger = { ...silentLogger, warn, error: warn, child: () => log };
beforeEach(async () => {
  cloud = await startCloud('nb-underlay');
  edge = await cloud.node(NODE);
  stops = [];
  warnings = [];
  clock = new VirtualClock();
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await cloud.stop();
});

/** Starts the agent; `ready` counts how often it said that it is, `stop` ends it as SIGTERM does. */
function start(changes: Partial<AgentConfig> = {}): {
  readonly ready: () => number;
  readonly stop: () => Promise<void>;
} {
  const abort = new AbortController();
  let count = 0;
  const running = runAgent(
    {
      config: { ...cloud.config, ...changes },
      edge,
      clock,
      log,
      osHostname: 'not-the-host-name',
      onReady: () => {
        count += 1;
      },
    },
    abort.signal,
  );
  const stop = (): Promise<void> => {
    abort.abort();
    return running;
  };
  stops.push(stop);
  return { ready: () => count, stop };
}

async function startReady(changes: Partial<AgentConfig> = {}): Promise<ReturnType<typeof start>> {
  const agent = start(changes);
  await expect.poll(agent.ready).toBe(1);
  return agent;
}

async function rules(): Promise<readonly string[]> {
  return (await edge.netlink.rules()).flatMap(({ to, protocol }) =>
    to === undefined || protocol === 2 ? [] : [to],
  );
}

describe('a running agent', () => {
  it('D-22: leaves everything as it is when it is stopped, and its next start writes nothing', async () => {
    const first = await startReady();
    expect(await rules()).toContain(ADDRESS);
    const [held, writes] = [edge.netlink.dumpText(), edge.writes()];
    expect(writes).toBeGreaterThan(0);
    await first.stop();
    expect([edge.netlink.dumpText(), edge.writes()]).toEqual([held, writes]);
    const second = await startReady();
    await second.stop();
    expect([edge.netlink.dumpText(), edge.writes()]).toEqual([held, writes]);
  });

  it('D-18: follows ovn-bridge-mappings', async () => {
    const mapped = edge.ovs.snapshot()?.bridgeMappings ?? '';
    await startReady();
    const before = await rules();
    edge.ovs.set({ bridgeMappings: mapped.replace('physnet1', 'physnet9') });
    await expect.poll(rules).toEqual([]);
    edge.ovs.set({ bridgeMappings: mapped });
    await expect.poll(async () => (await rules()).toSorted()).toEqual(before.toSorted());
  });

  it('D-18: puts back at once what somebody took away', async () => {
    await startReady();
    const rule = (await edge.netlink.rules()).find(({ to }) => to === ADDRESS);
    if (rule === undefined) throw new TypeError(`no rule to ${ADDRESS}`);
    edge.netlink.foreign({ type: 'rule', op: 'delete', rule });
    await expect.poll(rules).toContain(ADDRESS);
  });

  it('D-18: hands traffic to the MAC address that a bridge has now', async () => {
    await startReady();
    const macs = (): ReadonlySet<string> =>
      new Set(
        edge.ovs.allFlows(BRIDGE).flatMap(({ actions }) => /mod_dl_dst:([^,]+)/.exec(actions)?.[1] ?? []),
      );
    edge.netlink.changeLink(BRIDGE, { mac: '02:00:00:00:99:99' });
    await expect.poll(macs).toEqual(new Set(['02:00:00:00:99:99']));
  });

  it.each(['reconcileIntervalSec', 'frrReconcileIntervalSec'] as const)(
    'D-18: looks by itself, too: puts a setting back that nobody tells of after its %s',
    async (interval) => {
      const never = 1_000_000;
      await startReady({ reconcileIntervalSec: never, frrReconcileIntervalSec: never, [interval]: 100 });
      const setting = 'net/ipv4/conf/br-ex/proxy_arp';
      edge.files.tamper(setting, '0');
      clock.advance(100_000);
      await expect.poll(() => edge.files.readSysctl(setting)).toBe('1');
    },
  );

  it('changes nothing before the local database says who the node is, and says that it waits', async () => {
    const { systemId } = edge.ovs.snapshot() ?? {};
    edge.ovs.set({ systemId: undefined });
    const agent = start();
    await expect
      .poll(() => warnings)
      .toContainEqual(expect.stringContaining('has no external_ids:system-id'));
    expect([agent.ready(), edge.writes()]).toEqual([0, 0]);
    edge.ovs.set({ systemId });
    await expect.poll(agent.ready).toBe(1);
    expect(await rules()).toContain(ADDRESS);
  });
});
