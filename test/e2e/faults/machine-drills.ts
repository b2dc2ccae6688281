/** Drills on the machine under the agent: a full disk, and in a guest, whose clock is its own, a clock that jumps. */
import { expect, it } from 'vitest';
import { untilTrue } from '../../../lab/until.ts';
import { LEAFS } from '../fixture.ts';
import { Ghost } from './ghosts.ts';
import { expectRecovery, type Ground, type Stage, SUBJECT } from './stage.ts';

const GROUP = 'The machine';
const LOG_DIRECTORY = '/var/log/ovn-bgp-agent';
const DAY_SEC = 86_400;
/** Lines that are lost on a full disk while this many more are written: memory for them would show. */
const LOST_CHANGES = 40;

export function machineDrills(stage: () => Stage, { guest }: Ground): void {
  it('the disk is full under the log', async () => {
    const { node, agent } = stage();
    const coming = new Ghost(stage(), 'coming', SUBJECT, 127);
    // A small disk of its own, seen by what the node starts from now on.
    await agent.stop();
    await node.script(`mount -t tmpfs -o size=1m tmpfs ${LOG_DIRECTORY}`);
    try {
      await agent.run();
      await awaitNothingToDo();
      await expectRecovery(
        stage(),
        GROUP,
        {
          name: 'disk full under the log',
          done: 'lines are lost, nothing else: a port comes and goes, flushed rules are repaired; counted from the flush. With room again lines are written again',
          cause: 'agent',
        },
        async () => {
          // It ends with an error when nothing more fits.
          await node.script(`dd if=/dev/zero of=${LOG_DIRECTORY}/ballast bs=4k 2>/dev/null || true`);
          expect((await node.script(`df --output=avail ${LOG_DIRECTORY} | tail -n 1`)).stdout.trim()).toBe(
            '0',
          );
          for (let round = 0; round < LOST_CHANGES; round++) {
            await node.script(`ip -4 rule flush table 200 && ip -4 neigh flush nud permanent dev br-ex`);
          }
          await coming.add();
          await stage().awaitAnnounced();
          const repairedMs = await stage().repairOf('ip -4 rule flush table 200; ip -6 rule flush table 200');
          const lines = await logLines();
          await coming.remove();
          await stage().awaitAnnounced();
          expect(await logLines()).toBe(lines);
          await node.script(`rm ${LOG_DIRECTORY}/ballast`);
          await stage().repairOf('ip -4 rule flush table 200');
          await untilTrue('new lines in the log', async () => (await logLines()) > lines);
          const last = (await node.script(`tail -n 1 ${LOG_DIRECTORY}/agent.log`)).stdout;
          expect(JSON.parse(last)).toHaveProperty('msg');
          return { repairedMs };
        },
      );
    } finally {
      await agent.stop();
      await node.script(`umount ${LOG_DIRECTORY}`);
      await agent.run();
    }
    await awaitNothingToDo();

    async function logLines(): Promise<number> {
      return Number((await node.script(`wc -l <${LOG_DIRECTORY}/agent.log`)).stdout);
    }
  });

  // The clock of a machine is not a test's to change.
  it.each(guest ? [DAY_SEC] : [])('the clock jumps %d s ahead and back', async (jumpSec) => {
    const coming = new Ghost(stage(), 'timely', SUBJECT, 128);
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'clock a day ahead, then back',
        done: 'after each jump a port comes and goes and flushed rules are repaired; the slower of the two repairs is counted. All prefixes are at the leafs after each jump',
        cause: 'agent',
      },
      async () => {
        const repairs: number[] = [];
        for (const seconds of [jumpSec, -jumpSec]) {
          await stage().node.script(`date --set="@$(( $(date +%s) + ${seconds} ))"`);
          for (const leaf of LEAFS) expect(await stage().announced(leaf)).toEqual(stage().expectedLines());
          await coming.add();
          await stage().awaitAnnounced();
          repairs.push(await stage().repairOf('ip -4 rule flush table 200; ip -6 rule flush table 200'));
          await coming.remove();
          await stage().awaitAnnounced();
        }
        return { repairedMs: Math.max(...repairs), unmeasured: true };
      },
    );
  });

  async function awaitNothingToDo(): Promise<void> {
    await untilTrue(
      'the dry run to find nothing to do',
      async () => (await stage().agent.command(['plan'], { check: false })).code === 0,
    );
  }
}
