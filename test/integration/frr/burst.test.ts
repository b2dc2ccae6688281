/**
 * A burst of routes beside a real zebra with the buffer that it has unless it is told otherwise, and which is slow: it gets a
 * tenth of the time. What is written is all there for zebra, what is taken away is all gone, in both families.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Prefix, parsePrefix } from '../../../src/base/address.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { VtyFrr } from '../../../src/frr/vty-frr.ts';
import { openRtnetlink, type RtnetlinkClient } from '../../../src/netlink/index.ts';
import { isAdvertiseMetric } from '../../../src/node/advertise-metrics.ts';
import { keyOf } from '../../../src/node/keys.ts';
import { routeListeners } from '../../../src/node/netlink-listeners.ts';
import { Node } from '../../../src/node/node.ts';
import { SystemNodeFiles } from '../../../src/node/node-files.ts';
import type { DesiredObject, ObjectKey } from '../../../src/node/objects.ts';
import { SCOPE } from '../../../src/node/testing.ts';
import { FakeOpenVSwitch } from '../../../src/openvswitch/fake-open-vswitch.ts';
import { advertise } from '../../../src/wiring/advertise.ts';
import { TEST_CONFIG } from '../../../src/wiring/testing.ts';
import { eventually } from '../../support/child.ts';
import { FrrNode } from './frr-node.ts';

/** Twice what the buffer holds. */
const EACH_FAMILY = 10_000;
const SLOW = { stoppedMs: 90, runningMs: 10 };
const PLACE = { kind: 'main', isOurs: isAdvertiseMetric } as const;

let frrNode: FrrNode;
let frr: VtyFrr;
let netlink: RtnetlinkClient;
let node: Node;
let files: SystemNodeFiles;
let folder: string;

beforeEach(async () => {
  frrNode = await FrrNode.start('router bgp 64999\n bgp router-id 10.0.0.1\n');
  frr = new VtyFrr({ runDir: frrNode.runDir, logger: silentLogger });
  folder = mkdtempSync(join(tmpdir(), 'burst-'));
  netlink = openRtnetlink({ netns: frrNode.network.namespace });
  files = new SystemNodeFiles({
    rtTablesPath: join(folder, 'rt_tables'),
    netlinkListenersPath: frrNode.network.listeners,
  });
  node = new Node({ netlink, frr, files, ovs: new FakeOpenVSwitch({}) }, silentLogger);
  node.setScope(SCOPE);
  await node.read();
});

afterEach(async () => {
  node.close();
  netlink.close();
  frr.close();
  await frrNode.stop();
  rmSync(folder, { recursive: true });
});

test('zebra has all of a burst, and nothing after another one', async () => {
  const wanted = announcements();
  await slowly(() => reach(wanted));
  await eventually(async () => (await frr.zebraRoutes(PLACE))?.length === wanted.size);
  await slowly(() => reach(new Map()));
  await eventually(async () => (await frr.zebraRoutes(PLACE))?.length === 0);
  expect(drops()).toBe(0);
});

test('a zebra that reads nothing holds nobody up, and the kernel counts what it misses', async () => {
  frrNode.signalDaemon('zebra', 'SIGSTOP');
  const wanted = announcements();
  await reach(wanted);
  const held = await netlink.routes({ protocol: 179 });
  expect(held).toHaveLength(wanted.size);
  expect(drops()).toBeGreaterThan(0);
  frrNode.signalDaemon('zebra', 'SIGCONT');
});

/** Does something while zebra is stopped again and again; it runs freely afterwards. */
async function slowly(work: () => Promise<void>): Promise<void> {
  let running = true;
  let timer: NodeJS.Timeout | undefined;
  const turn = (): void => {
    running = !running;
    frrNode.signalDaemon('zebra', running ? 'SIGCONT' : 'SIGSTOP');
    timer = setTimeout(turn, running ? SLOW.runningMs : SLOW.stoppedMs);
  };
  turn();
  try {
    await work();
  } finally {
    clearTimeout(timer);
    frrNode.signalDaemon('zebra', 'SIGCONT');
  }
}

async function reach(desired: ReadonlyMap<ObjectKey, DesiredObject>): Promise<void> {
  const outcomes = await node.apply(node.plan(desired));
  expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
}

/** What the kernel could not hand to listeners. */
function drops(): number {
  return routeListeners(files.readNetlinkListeners() ?? '').reduce(
    (sum, listener) => sum + listener.drops,
    0,
  );
}

function announcements(): ReadonlyMap<ObjectKey, DesiredObject> {
  const config = { ...TEST_CONFIG, advertiseVia: 'main' } as const;
  const wanted = new Map<ObjectKey, DesiredObject>();
  for (let number = 0; number < EACH_FAMILY; number += 1) {
    for (const text of [`10.1.${number >> 8}.${number & 255}/32`, `2001:db8::${number.toString(16)}/128`]) {
      const prefix = parsePrefix(text) as Prefix;
      const item = advertise({ prefix }, config, [], 'a burst');
      wanted.set(keyOf(item.object), item);
    }
  }
  return wanted;
}
