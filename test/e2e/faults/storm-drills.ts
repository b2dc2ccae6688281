/** Drills on the agent itself: killed, frozen, flooded. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OvsdbClient } from '../../../src/ovsdb/index.ts';
import { awaitSettled, traces } from '../fixture.ts';
import { Ghost, randomFrom } from './ghosts.ts';
import { measureFor } from './measure.ts';
import { ZebraKeeper } from './programs.ts';
import { expectRecovery, type Ground, type Stage, SUBJECT } from './stage.ts';

const GROUP = 'The agent itself';
const SEED = 20_260_117;
const FROZEN_MS = 20_000;
const FOREIGN_ROUTES = 30_000;
/** A guest takes its time for them. */
const FOREIGN_TIMEOUT_MS = 240_000;
const STOPPED_MS = 60_000;
const LONG_MS = 30 * 60_000;

export function stormDrills(stage: () => Stage, ground: Ground): void {
  const { kills, stormSec, changesPerSec } = measureFor(ground);

  it('killed at random moments of a storm', { timeout: LONG_MS }, async () => {
    const random = randomFrom(SEED);
    const randomKill = randomFrom(SEED + 1);
    const ghosts = Array.from(
      { length: 10 },
      (_, index) => new Ghost(stage(), `ghost${index}`, index % 2 === 0 ? SUBJECT : 'compute2', 100 + index),
    );
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: `killed ${kills} times while ports come, go and move`,
        done: `\`kill -9\` at random moments (seed ${SEED}), at most 900 ms after each start; counted from the last start`,
        cause: 'agent',
        restarts: ['agent'],
      },
      async () => {
        const storm = new AbortController();
        const changes = (async () => {
          while (!storm.signal.aborted) {
            const ghost = ghosts[random(ghosts.length)];
            if (ghost === undefined) continue;
            const other = ghost.node === SUBJECT ? 'compute2' : SUBJECT;
            if (!ghost.present) await ghost.add();
            else if (random(2) === 0) await ghost.remove();
            else await ghost.move(other);
          }
        })();
        try {
          for (let round = 0; round < kills; round++) {
            await delay(randomKill(900));
            await stage().agent.kill();
            await stage().agent.run();
          }
        } finally {
          storm.abort();
        }
        await changes;
        await stage().agent.kill();
        const sinceMs = Date.now();
        await stage().agent.run();
        await awaitSettled(stage().agent);
        await stage().awaitAnnounced();
        return { repairedMs: Date.now() - sinceMs };
      },
    );
    const gone = ghosts.filter(({ present, node }) => !present || node !== SUBJECT);
    expect(
      await traces(
        stage().lab,
        SUBJECT,
        gone.flatMap(({ addresses }) => addresses),
      ),
    ).toEqual([]);
    await clear(ghosts);
  });

  it('frozen for 20 s while ports come and go', async () => {
    const staying = new Ghost(stage(), 'staying', SUBJECT, 120);
    const going = new Ghost(stage(), 'going', SUBJECT, 121);
    const passing = new Ghost(stage(), 'passing', SUBJECT, 122);
    await going.add();
    await stage().awaitAnnounced();
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'frozen for 20 s (`SIGSTOP`), rules flushed, ports come and go meanwhile',
        done: 'the database server gives the connection up meanwhile; counted from `SIGCONT` until the leafs are right',
        cause: 'the drill: rules are missing while the agent is frozen',
      },
      async () => {
        stage().takeAway(going.addresses);
        await stage().freeze();
        await staying.add();
        await passing.add();
        await going.remove();
        await stage().node.script('ip -4 rule flush table 200; ip -6 rule flush table 200');
        await delay(FROZEN_MS);
        await passing.remove();
        const sinceMs = Date.now();
        await stage().thaw();
        await stage().awaitAnnounced();
        return { repairedMs: Date.now() - sinceMs };
      },
    );
    await clear([staying]);
  });

  it('stopped for a minute while ports come, go and move', async () => {
    const staying = new Ghost(stage(), 'stay', SUBJECT, 123);
    const going = new Ghost(stage(), 'go', SUBJECT, 124);
    const passing = new Ghost(stage(), 'pass', SUBJECT, 125);
    const leaving = new Ghost(stage(), 'leave', SUBJECT, 126);
    for (const ghost of [going, leaving]) await ghost.add();
    await stage().awaitAnnounced();
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: `stopped for ${STOPPED_MS / 1000} s (\`SIGTERM\`) while ports come, go and move away`,
        done: 'nothing is withdrawn while it is stopped; counted from its start until the leafs are right',
        cause: 'agent',
        restarts: ['agent'],
      },
      async () => {
        for (const { addresses } of [going, leaving]) stage().takeAway(addresses);
        const before = stage().expectedLines();
        await stage().agent.stop();
        const stoppedMs = performance.now();
        await staying.add();
        await passing.add();
        await going.remove();
        await leaving.move('compute2');
        await passing.remove();
        await delay(Math.max(0, STOPPED_MS - (performance.now() - stoppedMs)));
        for (const leaf of ['leaf1', 'leaf2'] as const) {
          const lines = (await stage().announced(leaf)).map((line) => line.split(' ')[0]);
          for (const line of before) expect(lines).toContain(line.split(' ')[0]);
        }
        const sinceMs = Date.now();
        await stage().agent.run();
        await stage().awaitAnnounced();
        return { repairedMs: Date.now() - sinceMs };
      },
    );
    await awaitSettled(stage().agent);
    for (const ghost of [going, passing, leaving])
      expect(await traces(stage().lab, SUBJECT, ghost.addresses)).toEqual([]);
    await clear([staying, leaving]);
  });

  it('notifications lost [quick]', async () => {
    const result = await expectRecovery(
      stage(),
      GROUP,
      {
        name: `${FOREIGN_ROUTES} foreign routes come and go while the agent is frozen and its rules are flushed`,
        done: 'more notifications than the socket holds: everything is read again; counted from `SIGCONT`',
        cause: 'the drill: rules are missing while the agent is frozen',
      },
      async () => {
        const { node } = stage();
        const before = await stage().holdings();
        const script = `for i in $(seq ${FOREIGN_ROUTES}); do
  echo "route add blackhole 10.$((i >> 16 & 255)).$((i >> 8 & 255)).$((i & 255)) table 5000 proto static"
done >/tmp/foreign-routes
ip -batch /tmp/foreign-routes
ip -4 rule flush table 200; ip -6 rule flush table 200
ip route flush table 5000`;
        let sinceMs: number;
        await stage().freeze();
        try {
          await node.script(script, { timeoutMs: FOREIGN_TIMEOUT_MS });
        } finally {
          sinceMs = Date.now();
          await stage().thaw();
        }
        return { repairedMs: await stage().awaitHoldings(before, sinceMs) };
      },
    );
    expect(result.repairedMs).toBeLessThan(2 * (await stage().promisedMs()));
  });

  it('a storm of changes', { timeout: LONG_MS }, async () => {
    const ghosts = Array.from(
      { length: 20 },
      (_, index) => new Ghost(stage(), `busy${index}`, SUBJECT, 130 + index),
    );
    for (const ghost of ghosts) await ghost.add();
    await stage().awaitAnnounced();
    const random = randomFrom(SEED);
    const socket = stage().central.hostPath('/run/ovn/ovnnb_db.sock');
    const client = new OvsdbClient({ remotes: `unix:${socket}`, database: 'OVN_Northbound' });
    client.start();
    const keeper = await ZebraKeeper.of(stage().node);
    try {
      await expectRecovery(
        stage(),
        GROUP,
        {
          name: `${changesPerSec} changes a second for ${stormSec} s`,
          done: '',
          cause: 'agent',
          restarts: ['zebra'],
        },
        async () => {
          for (const { addresses } of ghosts) {
            stage().takeAway(addresses);
            stage().expect(addresses, undefined);
          }
          const held = ghosts.map((_, index) => 130 + index);
          const began = performance.now();
          const total = stormSec * changesPerSec;
          const underWay: Promise<unknown>[] = [];
          for (let count = 0; count < total; count++) {
            const late = (count * 1000) / changesPerSec - (performance.now() - began);
            if (late > 0) await delay(late);
            const index = random(ghosts.length);
            let last = 100 + random(150);
            while (held.includes(last)) last = 100 + random(150);
            held[index] = last;
            const port = ghosts[index]?.port;
            if (port === undefined) continue;
            underWay.push(
              client.transact([
                {
                  op: 'update',
                  table: 'Logical_Switch_Port',
                  where: [['name', '==', port.id]],
                  row: { addresses: `${port.mac} ${addressesOf(last).join(' ')}` },
                },
              ]),
            );
          }
          const spentMs = performance.now() - began;
          await Promise.all(underWay);
          const sinceMs = Date.now();
          for (const last of held) stage().expect(addressesOf(last), SUBJECT);
          await stage().awaitAnnounced();
          const repairedMs = Date.now() - sinceMs;
          const crashes = await keeper.stop();
          const rate = Math.round((total * 1000) / spentMs);
          return {
            repairedMs,
            done: `${ghosts.length} ports get another address each time, ${rate} times a second; counted from the last change until the leafs are right${crashes === 0 ? '' : `; zebra of this FRR aborted ${crashes} times (FRRouting pull request 14142) and was started again, as watchfrr does`}`,
            ...(crashes === 0 ? {} : { cause: 'FRR: zebra aborts under many changes' }),
          };
        },
      );
    } finally {
      await keeper.stop();
      await client.close();
    }
    for (const address of stage().expected.keys()) {
      if (/^(172\.24\.4\.|2001:db8:4::)(1[0-9]|2[0-9])\d$/.test(address))
        stage().expect([address], undefined);
    }
    await clear(ghosts);
  });

  async function clear(ghosts: readonly Ghost[]): Promise<void> {
    for (const ghost of ghosts) if (ghost.present) await ghost.remove();
    await stage().awaitAnnounced();
  }
}

function addressesOf(last: number): readonly string[] {
  return [`172.24.4.${last}`, `2001:db8:4::${last}`];
}
