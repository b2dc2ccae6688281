/** Flows and their monitor against a real ovs-vswitchd. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MacAddress } from '../../../src/base/address.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { OvsError } from '../../../src/openvswitch/errors.ts';
import { FlowMonitor } from '../../../src/openvswitch/flow-monitor.ts';
import { macTweakFlows } from '../../../src/openvswitch/flows.ts';
import { Ofctl } from '../../../src/openvswitch/ofctl.ts';
import type { Flow, FlowChange } from '../../../src/openvswitch/types.ts';
import { eventually } from '../../support/child.ts';
import { OvsNode } from './ovs-node.ts';

const MAC = '02:ee:00:00:00:21' as MacAddress;
const FLOWS = macTweakFlows(1, MAC);
const adding = (flows: readonly Flow[]): FlowChange[] => flows.map((flow) => ({ op: 'add', flow }));
const removing = (flows: readonly Flow[]): FlowChange[] => flows.map((flow) => ({ op: 'remove', flow }));
const byMatch = (flows: readonly Flow[]): Flow[] => [...flows].sort((a, b) => (a.match < b.match ? -1 : 1));

let node: OvsNode;
let ofctl: Ofctl;

beforeEach(async () => {
  node = await OvsNode.start();
  ofctl = new Ofctl({ runDir: node.runDir, path: 'ovs-ofctl', logger: silentLogger });
});

afterEach(async () => {
  await node.stop();
});

async function errorOf(work: Promise<unknown>): Promise<OvsError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OvsError);
  return error as OvsError;
}

describe('flows', () => {
  test.each(['', 'OpenFlow13', 'OpenFlow10', 'OpenFlow10,OpenFlow13', 'OpenFlow15'])(
    'are written, read back equal and removed on a bridge with protocols "%s"',
    async (protocols) => {
      await node.addBridge('br-ex', ...(protocols === '' ? [] : [`protocols=${protocols}`]));
      expect(await ofctl.flows('br-ex')).toEqual([]);
      await ofctl.apply('br-ex', adding(FLOWS));
      expect(byMatch(await ofctl.flows('br-ex'))).toEqual(FLOWS);
      await ofctl.apply('br-ex', adding(FLOWS));
      expect(await ofctl.flows('br-ex')).toHaveLength(2);
      await ofctl.apply('br-ex', removing(FLOWS));
      expect(await ofctl.flows('br-ex')).toEqual([]);
    },
  );

  test('of others are neither read nor removed', async () => {
    await node.addBridge('br-ex');
    await node.ofctl('add-flow', 'br-ex', 'cookie=5,priority=900,ip,in_port=1,actions=drop');
    await node.ofctl('add-flow', 'br-ex', 'cookie=999,table=7,priority=900,ip,in_port=1,actions=drop');
    expect(await ofctl.flows('br-ex')).toEqual([]);
    await ofctl.apply('br-ex', removing(FLOWS));
    expect(await node.ofctl('--no-stats', 'dump-flows', 'br-ex', 'cookie=5/-1')).toContain('actions=drop');
  });

  test('that the Python agent would write are recognised', async () => {
    await node.addBridge('br-ex');
    await node.ofctl(
      'add-flow',
      'br-ex',
      `cookie=0x3e7,priority=900,ip,in_port=1,actions=mod_dl_dst:${MAC},NORMAL`,
    );
    expect(await ofctl.flows('br-ex')).toEqual([FLOWS[0]]);
  });

  test('go all or none, and the error says where and why', async () => {
    await node.addBridge('br-ex');
    await ofctl.apply('br-ex', adding([FLOWS[0]]));
    const impossible: Flow = { cookie: 999, priority: 5, match: 'ip', actions: 'group:77' };
    const changes = [...removing([FLOWS[0]]), ...adding([FLOWS[1], impossible])];
    const error = await errorOf(ofctl.apply('br-ex', changes));
    expect(error.code).toBe('rejected');
    expect(error.bridge).toBe('br-ex');
    expect(error.message).toContain('br-ex');
    expect(error.message).toContain('OFPBAC_BAD_OUT_GROUP');
    expect(await ofctl.flows('br-ex')).toEqual([FLOWS[0]]);
  });

  test('of a bridge that does not exist', async () => {
    expect(await ofctl.flows('br-none')).toEqual([]);
    expect((await errorOf(ofctl.apply('br-none', adding(FLOWS)))).code).toBe('no-bridge');
    expect((await errorOf(ofctl.flows('../br-ex'))).code).toBe('invalid');
  });

  test('of a vswitchd that died', async () => {
    await node.addBridge('br-ex');
    await node.stopVswitchd('SIGKILL');
    expect((await errorOf(ofctl.flows('br-ex'))).code).toBe('unreachable');
    expect((await errorOf(ofctl.apply('br-ex', adding(FLOWS)))).code).toBe('unreachable');
  });

  test('are not waited for when the caller gives up', async () => {
    await node.addBridge('br-ex');
    const reason = new Error('shutting down');
    await expect(ofctl.flows('br-ex', AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('the monitor', () => {
  let events: number;
  let monitor: FlowMonitor;

  function watch(bridge: string): void {
    events = 0;
    monitor = new FlowMonitor({
      bridge,
      socketPath: ofctl.socketPath(bridge),
      ofctlPath: 'ovs-ofctl',
      clock: systemClock,
      logger: silentLogger,
      onChange: () => {
        events++;
      },
    });
    monitor.start();
  }

  /** The monitor has settled: events come only from changes now. */
  async function settled(): Promise<void> {
    await eventually(() => events >= 2);
    await eventually(async () => {
      const seen = events;
      await node.ofctl('add-flow', 'br-ex', `cookie=1,priority=1,ip,in_port=9,actions=drop`);
      return events > seen;
    });
  }

  afterEach(async () => {
    await monitor.close();
  });

  test.each(['', 'OpenFlow13', 'OpenFlow10'])('sees a flow go (protocols "%s")', async (protocols) => {
    await node.addBridge('br-ex', ...(protocols === '' ? [] : [`protocols=${protocols}`]));
    await ofctl.apply('br-ex', adding(FLOWS));
    watch('br-ex');
    await settled();
    const before = events;
    await node.ofctl('del-flows', 'br-ex', 'ip');
    await eventually(() => events > before);
    expect(await ofctl.flows('br-ex')).toEqual([FLOWS[1]]);
  });

  test('takes the end of vswitchd for a change, and works again when it is back', async () => {
    await node.addBridge('br-ex');
    watch('br-ex');
    await settled();
    const before = events;
    await node.stopVswitchd('SIGKILL');
    await eventually(() => events > before);
    await node.startVswitchd();
    await settled();
    // The first attempts may meet a vswitchd that has no bridge yet.
    await eventually(() => monitor.pid !== undefined);
    expect(events).toBeGreaterThan(before);
  });

  test('waits for a bridge that does not exist yet without starting anything', async () => {
    watch('br-ex');
    expect(monitor.pid).toBeUndefined();
    await node.addBridge('br-ex');
    await settled();
    const before = events;
    await node.vsctl('del-br', 'br-ex');
    await eventually(() => events > before && monitor.pid === undefined);
    expect(events).toBeGreaterThan(before);
  });

  test('leaves no process behind', async () => {
    await node.addBridge('br-ex');
    watch('br-ex');
    await settled();
    const { pid } = monitor;
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toContain('monitor');
    await monitor.close();
    await expect(readFile(`/proc/${pid}/cmdline`, 'utf8')).rejects.toThrow('ENOENT');
  });
});
