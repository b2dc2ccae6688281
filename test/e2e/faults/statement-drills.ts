/**
 * Drills on what the local Open_vSwitch database says of the node: emptied, mistyped, another chassis, a bridge unmapped.
 *
 * ovn-controller looks away meanwhile: it would take its patch ports and its chassis back at once, which no agent can hold.
 */
import { expect, it } from 'vitest';
import { untilTrue } from '../../../lab/until.ts';
import { logLength } from '../fixture.ts';
import { signal } from './programs.ts';
import { expectRecovery, GUARD_HOLD_SEC, type Stage, SUBJECT } from './stage.ts';

const GROUP = 'What the local Open_vSwitch database says';

export function statementDrills(stage: () => Stage): void {
  /** Runs the body with ovn-controller stopped; everything that was said is said again at the end. */
  async function misled(script: string, body: () => Promise<void>): Promise<void> {
    const { node } = stage();
    const { stdout: saved } = await node.script('ovs-vsctl get open . external_ids');
    await signal(node, 'ovn-controller', 'STOP');
    try {
      await node.script(script);
      await body();
    } finally {
      await node.script(`ovs-vsctl clear open . external_ids -- set open . external_ids='${saved.trim()}'`);
      await signal(node, 'ovn-controller', 'CONT');
    }
  }

  async function awaitLine(from: number, words: string): Promise<void> {
    const { agent } = stage();
    await untilTrue(`the agent to say "${words}"`, async () =>
      (await agent.log()).slice(from).some(({ text }) => text.includes(words)),
    );
  }

  it.each([
    {
      name: '`external_ids` emptied, and set again',
      done: 'what they said last counts on; nothing is changed',
      script: 'ovs-vsctl clear open . external_ids',
      says: 'no external_ids:system-id',
    },
    {
      name: 'a typing error in `ovn-bridge-mappings`, corrected in time',
      done: 'the agent holds the withdrawals back and says so',
      script: 'ovs-vsctl set open . external_ids:ovn-bridge-mappings=physnet1:br-xe',
      says: 'ovn-bridge-mappings says now would withdraw most',
    },
    {
      name: 'another chassis and host name, corrected in time',
      done: 'the agent holds the withdrawals back and says so',
      script: 'ovs-vsctl set open . external_ids:system-id=nobody external_ids:hostname=nobody',
      says: 'would withdraw most of what this node advertises: held back',
    },
  ])('$name', async ({ name, done, script, says }) => {
    const before = await stage().holdings();
    const result = await expectRecovery(
      stage(),
      GROUP,
      { name, done, cause: 'none of it may be ours' },
      async () => {
        const from = await logLength(stage().agent);
        await misled(script, async () => {
          await awaitLine(from, says);
          await stage().awaitAnnounced();
        });
        return {};
      },
    );
    expect(result.routeOutageMs).toBe(0);
    expect(await stage().holdings()).toBe(before);
  });

  it('a bridge unmapped for good is given back after the hold', async () => {
    const machines = stage().machines.filter(({ node }) => node === SUBJECT);
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'a bridge unmapped, mapped again after the hold',
        done: `believed after \`withdraw_guard_hold\` (here ${GUARD_HOLD_SEC} s): withdrawn, and the bridge is as it was before the agent came; announced again when it is mapped again`,
        cause: 'the operator: the database said so',
      },
      async () => {
        const from = await logLength(stage().agent);
        await misled('ovs-vsctl remove open . external_ids ovn-bridge-mappings', async () => {
          await awaitLine(from, 'held back');
          for (const { addresses } of machines) {
            stage().takeAway(addresses);
            stage().expect(addresses, undefined);
          }
          await stage().awaitAnnounced();
          await untilTrue('nothing of the agent to be left on br-ex', async () => {
            const { stdout } = await stage().node.script(
              `ovs-ofctl dump-flows br-ex cookie=999/-1 | grep -c priority= || true
cat /proc/sys/net/ipv4/conf/br-ex/proxy_arp /proc/sys/net/ipv6/conf/br-ex/proxy_ndp
ip -o address show dev br-ex | grep -Ec '169\\.254\\.|fd53:' || true
ip rule show | grep -c 32000: || true`,
            );
            return stdout.split('\n').join('') === '00000';
          });
        });
        const backMs = Date.now();
        for (const { addresses, node } of machines) stage().expect(addresses, node);
        await stage().awaitAnnounced();
        return { repairedMs: Date.now() - backMs };
      },
    );
  });
}
