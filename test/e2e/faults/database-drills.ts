/** Drills on the OVN databases: away, back, changed meanwhile, silent, empty. */
import { expect, it } from 'vitest';
import type { AgentDriver } from '../../../lab/agent-process.ts';
import { CENTRAL_ADDRESS, chassisNamed } from '../../../lab/layout.ts';
import { untilTrue } from '../../../lab/until.ts';
import { awaitLogLine, logLength } from '../fixture.ts';
import { type Ended, kill, type ProgramName, signal, start } from './programs.ts';
import { expectRecovery, GUARD_HOLD_SEC, type Stage, SUBJECT } from './stage.ts';

const AWAY_MS = 20_000;

const WORDS = {
  nb: { database: 'Northbound', server: 'ovnnb_db', file: '/var/lib/ovn/ovnnb_db.db', schema: 'ovn-nb' },
  sb: { database: 'Southbound', server: 'ovnsb_db', file: '/var/lib/ovn/ovnsb_db.db', schema: 'ovn-sb' },
} as const satisfies Record<AgentDriver, Record<string, string> & { server: ProgramName }>;

export function databaseDrills(stage: () => Stage, driver: AgentDriver): void {
  const { database, server } = WORDS[driver];
  const group = `The ${database} database (driver ${driver === 'nb' ? '`nb_ovn_bgp_driver`' : '`ovn_bgp_driver`'})`;

  it(`${driver}: server killed and started [quick]`, async () => {
    const { central } = stage();
    await expectRecovery(
      stage(),
      group,
      {
        name: 'server killed and started at once',
        done: '',
        cause: 'none of it may be ours',
      },
      async () => {
        await start(central, await kill(central, server));
        const { goneMs, backMs } = await stage().replug();
        return {
          done: `then a machine is unplugged (withdrawn after ${seconds(goneMs)}, OVN included) and plugged in (${seconds(backMs)})`,
        };
      },
    );
  });

  it(`${driver}: server away for 20 s, a port unplugged meanwhile`, async () => {
    const { central, spare } = stage();
    await expectRecovery(
      stage(),
      group,
      {
        name: 'server away for 20 s, a machine unplugged meanwhile',
        done: '',
        cause: 'none of it may be ours',
      },
      async () => {
        const stopped = await kill(central, server);
        await spare.unplug();
        // The time that the drill is about, not a wait for a state.
        await away(AWAY_MS);
        await expectNothingWithdrawn();
        await start(central, stopped);
        const { goneMs, saidMs } = await stage().replug(Date.now());
        return {
          repairedMs: goneMs,
          done: `nothing is withdrawn while it is away; counted from its start until the unplugged machine is withdrawn at the leafs; OVN itself says it after ${seconds(saidMs)}`,
        };
      },
    );
  });

  it(`${driver}: packets to the database dropped for 20 s`, async () => {
    const { node, central, spare } = stage();
    await expectRecovery(
      stage(),
      group,
      {
        name: 'packets to the database lost for 20 s, a machine unplugged meanwhile',
        done: '',
        cause: 'none of it may be ours',
      },
      async () => {
        const { management } = chassisNamed(SUBJECT);
        // A neighbour that does not exist takes the packets of both directions; nobody is told.
        const nobody = 'lladdr 02:de:ad:00:00:01 dev mgmt0 nud permanent';
        await node.ip([`neigh replace ${CENTRAL_ADDRESS} ${nobody}`]);
        await central.ip([`neigh replace ${management} ${nobody}`]);
        await spare.unplug();
        await away(AWAY_MS);
        await expectNothingWithdrawn();
        await node.ip([`neigh del ${CENTRAL_ADDRESS} dev mgmt0`]);
        await central.ip([`neigh del ${management} dev mgmt0`]);
        const { goneMs, saidMs } = await stage().replug(Date.now());
        return {
          repairedMs: goneMs,
          done: `nothing is withdrawn meanwhile; counted from the first packet that passes until the machine is withdrawn at the leafs; OVN itself says it after ${seconds(saidMs)}`,
        };
      },
    );
  });

  async function expectNothingWithdrawn(): Promise<void> {
    for (const leaf of ['leaf1', 'leaf2'] as const) {
      expect(await stage().announced(leaf)).toEqual(stage().expectedLines());
    }
  }
}

/** Drills that need the northd to look away: an empty database would make it empty all of OVN. */
export function guardDrills(stage: () => Stage): void {
  const { server, file, schema } = WORDS.nb;
  const group = 'An empty database';

  async function emptied(body: (restore: () => Promise<void>) => Promise<void>): Promise<void> {
    const { central } = stage();
    await signal(central, 'ovn-northd', 'STOP');
    const stopped: Ended = await kill(central, server);
    await central.script(
      `mv ${file} ${file}.kept; ovsdb-tool create ${file} /usr/share/ovn/${schema}.ovsschema`,
    );
    await start(central, stopped);
    await body(async () => {
      await kill(central, server);
      await central.script(`rm -f ${file} ${file}.~lock~; mv ${file}.kept ${file}`);
      await start(central, stopped);
      await signal(central, 'ovn-northd', 'CONT');
    });
  }

  async function awaitHeldBack(): Promise<void> {
    const { agent } = stage();
    const from = logMark;
    await untilTrue('the agent to hold the withdrawals back', async () =>
      (await agent.log()).slice(from).some(({ text }) => text.includes('held back')),
    );
  }
  let logMark = 0;

  it('an empty database is held back, and a restored one costs nothing [quick]', async () => {
    const result = await expectRecovery(
      stage(),
      group,
      {
        name: 'replaced by an empty one, restored in time',
        done: 'the agent holds the withdrawals back and says so; the database is restored before `withdraw_guard_hold` is over',
        cause: 'none of it may be ours',
      },
      async () => {
        logMark = await logLength(stage().agent);
        // The guard does not act on a node with so few addresses.
        stage().takeAway(stage().bystander.addresses);
        await emptied(async (restore) => {
          await awaitHeldBack();
          await restore();
          await stage().agent.command(['plan'], { check: false });
        });
        return {};
      },
    );
    expect(result.routeOutageMs).toBe(0);
  });

  it('an empty database is believed after the hold', async () => {
    const addresses = [stage().flat, stage().vlan, stage().spare].flatMap((machine) => machine.addresses);
    await expectRecovery(
      stage(),
      group,
      {
        name: 'replaced by an empty one, restored after the hold',
        done: `believed after \`withdraw_guard_hold\` (here ${GUARD_HOLD_SEC} s): everything is withdrawn; announced again when the database is back`,
        cause: 'the database: it said so',
      },
      async () => {
        logMark = await logLength(stage().agent);
        let heldMs = 0;
        let backMs = 0;
        await emptied(async (restore) => {
          await awaitHeldBack();
          const sinceMs = Date.now();
          stage().expect(addresses, undefined);
          stage().expect(stage().bystander.addresses, undefined);
          await stage().awaitAnnounced();
          heldMs = Date.now() - sinceMs;
          await restore();
          backMs = Date.now();
          for (const machine of stage().machines) stage().expect(machine.addresses, machine.node);
          await stage().awaitAnnounced();
        });
        expect(heldMs).toBeGreaterThan((GUARD_HOLD_SEC - 2) * 1000);
        return { repairedMs: Date.now() - backMs };
      },
    );
    await awaitLogLine(stage().agent, ['expose', addresses[0] ?? '']);
  });
}

async function away(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
