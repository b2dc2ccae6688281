/** Drills on FRR: daemons that die, and people who configure it meanwhile. */
import { expect, it } from 'vitest';
import { type Seen, until, untilTrue } from '../../../lab/until.ts';
import { logLength, traces } from '../fixture.ts';
import { Ghost } from './ghosts.ts';
import { type Ended, kill, type ProgramName, start } from './programs.ts';
import { expectRecovery, type Ground, RECHECK_SEC, type Stage, SUBJECT } from './stage.ts';

const GROUP = 'FRR';
/** The line of the agent's that both address families of the default instance have, and how it is taken out. */
const STANZAS = {
  main: { line: 'redistribute kernel route-map ovn-bgp-agent', removal: 'no redistribute kernel' },
  vrf: { line: 'import vrf bgp-vrf', removal: 'no import vrf bgp-vrf' },
} as const;

/** Lines of an operator: none of them may be lost. */
const OPERATORS_LINES = [
  'ip prefix-list operators-list seq 5 permit 198.51.100.0/24',
  'route-map operators-map permit 10',
  'neighbor nic1 description operators session',
  'network 198.51.100.7/32',
];

export function frrDrills(stage: () => Stage, { via }: Ground): void {
  const stanza = STANZAS[via];
  const runningConfig = async (): Promise<string> => stage().lab.fabric.vtysh(SUBJECT, 'show running-config');

  /** Milliseconds from `sinceMs` until both address families redistribute again. */
  async function awaitStanza(sinceMs: number): Promise<number> {
    await until(
      'the stanza of the agent',
      async (): Promise<Seen<true>> => {
        const config = await runningConfig();
        return config.split(stanza.line).length === 3 ? { value: true } : { seen: config };
      },
      { everyMs: 20 },
    );
    return Math.round(Date.now() - sinceMs);
  }

  async function startAgain(daemon: Ended): Promise<number> {
    await start(stage().node, daemon);
    const sinceMs = Date.now();
    await stage().node.script('vtysh -b >>/var/log/restarts.log 2>&1');
    return sinceMs;
  }

  it('bgpd killed and started [quick]', async () => {
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: '`bgpd` killed and started',
        done: "its configuration is back from the file, the agent's stanza from the agent; counted from the start of the daemon",
        cause: "FRR: bgpd's absence and its sessions",
        restarts: ['bgpd'],
      },
      async () => ({ repairedMs: await awaitStanza(await startAgain(await kill(stage().node, 'bgpd'))) }),
    );
  });

  it.each([
    [
      'zebra',
      'bgpd goes on, finds the new zebra within 10 s and does not tell it again what it redistributes: the agent has it do so',
    ],
    ['bfdd', 'the leafs lose the BFD sessions and with them BGP'],
  ] as const)('%s killed and started [quick]', async (name: ProgramName, done) => {
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: `\`${name}\` killed and started`,
        done,
        cause: `FRR: ${name}'s absence, and the sessions`,
        restarts: [name],
      },
      async () => {
        const from = await logLength(stage().agent);
        await startAgain(await kill(stage().node, name));
        if (name !== 'zebra') return {};
        const sinceMs = Date.now();
        await untilTrue('the agent to have the redistribution registered again', async () =>
          (await stage().agent.log()).slice(from).some(({ text }) => text.includes('zebra was started anew')),
        );
        return { repairedMs: Date.now() - sinceMs };
      },
    );
    expect(await runningConfig()).toContain(stanza.line);
    // What changes afterwards must be heard by a bgpd that lived on.
    await stage().replug();
  });

  it('addresses withdrawn while zebra is away from bgpd [quick]', async () => {
    const away = new Ghost(stage(), 'away', SUBJECT, 140);
    const unknown = new Ghost(stage(), 'unknown', SUBJECT, 141);
    for (const ghost of [away, unknown]) await ghost.add();
    await stage().awaitAnnounced();
    const isWithdrawn = async (ghost: Ghost): Promise<boolean> =>
      (await traces(stage().lab, SUBJECT, ghost.addresses)).length === 0;
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: '`zebra` killed and started, addresses withdrawn before bgpd has found the new one',
        done: 'bgpd is never told that they went: the agent has them come and go once more; counted from the start of zebra, bgpd takes up to 10 s of it',
        cause: "FRR: zebra's absence, and the sessions",
        restarts: ['zebra'],
      },
      async () => {
        for (const { addresses } of [away, unknown]) stage().takeAway(addresses);
        const zebra = await kill(stage().node, 'zebra');
        await away.remove();
        await untilTrue('the agent to withdraw an address', () => isWithdrawn(away));
        const sinceMs = await startAgain(zebra);
        await unknown.remove();
        await untilTrue('the agent to withdraw another address', () => isWithdrawn(unknown));
        await stage().awaitAnnounced();
        return { repairedMs: Date.now() - sinceMs };
      },
    );
  });

  it('all of FRR killed and started', async () => {
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'all daemons killed and started',
        done: 'counted from the start of the last daemon',
        cause: "FRR: the daemons' absence, sessions and BFD",
        restarts: ['zebra', 'bgpd', 'bfdd'],
      },
      async () => {
        const { node } = stage();
        const daemons = [await kill(node, 'zebra'), await kill(node, 'bgpd'), await kill(node, 'bfdd')];
        for (const daemon of daemons) await start(node, daemon);
        const sinceMs = Date.now();
        await node.script('vtysh -b >>/var/log/restarts.log 2>&1');
        return { repairedMs: await awaitStanza(sinceMs) };
      },
    );
  });

  it("the agent's stanza removed by an operator", async () => {
    const result = await expectRecovery(
      stage(),
      GROUP,
      {
        name: "the agent's stanza removed by an operator",
        done: `FRR tells nobody: found at the next check (\`frr_reconcile_interval\`, here ${RECHECK_SEC} s, by default 15 s)`,
        cause: 'agent: the time until the check',
      },
      async () => {
        const sinceMs = Date.now();
        const commands = ['ipv4', 'ipv6'].flatMap((family) => [
          `address-family ${family} unicast`,
          stanza.removal,
          'exit-address-family',
        ]);
        const routeMap = via === 'main' ? ['no route-map ovn-bgp-agent'] : [];
        await vtysh(['configure terminal', 'router bgp 64999', ...commands, 'exit', ...routeMap]);
        return { repairedMs: await awaitStanza(sinceMs) };
      },
    );
    expect(result.repairedMs).toBeLessThan(RECHECK_SEC * 1000 + (await stage().promisedMs()));
  });

  it("an operator's own lines survive [quick]", async () => {
    await vtysh([
      'configure terminal',
      ...OPERATORS_LINES.slice(0, 2),
      'exit',
      'router bgp 64999',
      ...OPERATORS_LINES.slice(2, 3),
      'address-family ipv4 unicast',
      ...OPERATORS_LINES.slice(3),
    ]);
    await expectRecovery(
      stage(),
      GROUP,
      {
        name: 'an operator adds lines of their own',
        done: 'also inside `router bgp` and its address families; the stanza is removed and comes back, every other line stays',
        cause: 'agent: the time until the check',
      },
      async () => {
        const others = (config: string): readonly string[] =>
          config.split('\n').filter((line) => !/ovn-bgp-agent|import vrf/.test(line));
        const before = others(await runningConfig());
        const sinceMs = Date.now();
        await vtysh([
          'configure terminal',
          'router bgp 64999',
          'address-family ipv4 unicast',
          stanza.removal,
        ]);
        const repairedMs = await awaitStanza(sinceMs);
        const after = await runningConfig();
        for (const line of OPERATORS_LINES) expect(after).toContain(line);
        expect(others(after)).toEqual(before);
        return { repairedMs };
      },
    );
  });

  async function vtysh(commands: readonly string[]): Promise<void> {
    await stage().node.exec(['vtysh', ...commands.flatMap((command) => ['-c', command])]);
  }
}
