/**
 * A node changes its exposing method and comes back, while pings go through it both ways: no route is withdrawn, and nothing
 * of the first method stays behind.
 */
import { expect } from 'vitest';
import type { Lab } from '../../../lab/lab.ts';
import type { ChassisName } from '../../../lab/layout.ts';
import { PingWatch } from '../../../lab/ping-watch.ts';
import { untilTrue } from '../../../lab/until.ts';
import type { VirtualMachine } from '../../../lab/vm.ts';
import { Witness } from '../faults/witness.ts';
import { awaitSettled } from '../fixture.ts';
import { AGENT_SETTINGS, type HwolCloud } from './cloud.ts';
import { kernelRouting, localRows, methodState, NO_LOCAL_ROWS } from './questions.ts';
import { agentOn, OUTSIDE } from './scenes.ts';

const PING_INTERVAL_MS = 50;
/**
 * The promise for a change of methods. Routes stay announced, and both ways are complete while the flows are exchanged;
 * packets that are between the two at that moment may be lost: one ping of twenty a second.
 */
const CHANGE_MS = PING_INTERVAL_MS;

/** A node, addresses that it carries, and a machine whose traffic leaves through it. */
export interface Changed {
  readonly node: ChassisName;
  readonly addresses: readonly string[];
  readonly inside: VirtualMachine;
}

/** `slow`: how much longer than elsewhere programs take here (machine-speed.ts). */
export async function changeAndBack(
  cloud: HwolCloud,
  { node, addresses, inside }: Changed,
  slow: number,
): Promise<void> {
  const { lab } = cloud;
  const standing = await methodState(lab, node);
  const witness = await Witness.start(lab, addresses);
  const outwards = await PingWatch.start(inside.host, OUTSIDE);
  let lostBefore = 0;
  const change = async (method: 'underlay' | 'ovn', done: () => Promise<boolean>): Promise<void> => {
    const fromMs = Date.now();
    await restart(cloud, node, method);
    await untilTrue(`${node} to hold nothing of the other method`, done, { timeoutMs: 60_000 });
    await outwards.awaitAnswers(10);
    const span = { fromMs, toMs: Date.now() };
    const withdrawnMs = await witness.routeOutageMs(addresses, span);
    const silentMs = await witness.pingOutageMs(span);
    const { lost } = await outwards.look();
    const lostMs = (lost - lostBefore) * PING_INTERVAL_MS;
    lostBefore = lost;
    console.log(
      `${node} to ${method}: routes missing ${withdrawnMs} ms; without an answer ${silentMs} ms from outside, ${lostMs} ms from inside`,
    );
    expect(withdrawnMs).toBe(0);
    expect(silentMs).toBeLessThanOrEqual(CHANGE_MS * slow);
    expect(lostMs).toBeLessThanOrEqual(CHANGE_MS * slow);
  };
  try {
    await setForwarding(lab, node, true);
    await change('underlay', async () => JSON.stringify(await localRows(lab, node)) === NOTHING);
    const underlay = await methodState(lab, node);
    expect(underlay.filter((line) => line.startsWith('rule'))).not.toEqual([]);
    expect(underlay.filter((line) => /^br-ex|static|40:44:00|^row/.test(line))).toEqual([]);

    await change('ovn', async () => (await kernelRouting(lab, node)).length === 0);
    await setForwarding(lab, node, false);
    expect(await methodState(lab, node)).toEqual(standing);
  } finally {
    await witness.stop();
    await outwards.stop();
  }
}

const NOTHING = JSON.stringify(NO_LOCAL_ROWS);

async function restart(cloud: HwolCloud, node: ChassisName, method: 'underlay' | 'ovn'): Promise<void> {
  const agent = agentOn(cloud, node);
  await agent.stop();
  const settings = { ...AGENT_SETTINGS, DEFAULT: { ...AGENT_SETTINGS.DEFAULT, exposing_method: method } };
  await agent.configure(cloud.lab, node, { driver: 'nb', settings });
  await agent.run();
  await awaitSettled(agent);
}

async function setForwarding(lab: Lab, node: ChassisName, on: boolean): Promise<void> {
  const value = on ? 1 : 0;
  await lab
    .node(node)
    .script(
      `echo ${value} >/proc/sys/net/ipv4/ip_forward; echo ${value} >/proc/sys/net/ipv6/conf/all/forwarding`,
    );
}
