/** The demonstration's own claims: that it passes where addresses are advertised, and fails loudly where they are not. */
import { afterAll, describe, expect, it } from 'vitest';
import { type DemoAgents, runDemo } from '../../lab/demo.ts';
import { Lab } from '../../lab/lab.ts';
import { StandInAgent } from '../support/stand-in-agent.ts';

/** Other runs of the tests may be under way on the machine. */
const NAME = `demo-${process.pid}`;

function standIns(silent: boolean): DemoAgents {
  const running = new Map<string, StandInAgent>();
  return {
    description: silent ? 'nothing' : 'a stand-in',
    gateway6: 'link-local',
    routers: false,
    start: async (lab, node) => {
      if (!silent) running.set(node, await StandInAgent.start(lab, node));
    },
    stop: async (_lab, node) => running.get(node)?.stop(),
    log: () => Promise.resolve(['the log of the stand-in']),
  };
}

describe('the demonstration', () => {
  afterAll(async () => {
    await Lab.down(NAME);
  });

  it('passes when something does the job of the agent', async () => {
    const lines: string[] = [];
    const passed = await runDemo({ name: NAME, keep: false, agents: standIns(false) }, (line) =>
      lines.push(line),
    );
    expect(lines.filter((line) => line.includes('FAIL'))).toEqual([]);
    expect(passed).toBe(true);
    expect(lines.at(-1)).toMatch(/^PASSED: all \d+ checks, in [\d.]+ s$/);
    expect(await Lab.list()).not.toContain(NAME);
  });

  it('fails, and shows the nodes, when nothing advertises the addresses', async () => {
    const lines: string[] = [];
    const options = { name: NAME, keep: false, agents: standIns(true), routeTimeoutMs: 1000 };
    expect(await runDemo(options, (line) => lines.push(line))).toBe(false);
    expect(lines.some((line) => /FAIL {2}172\.24\.4\.10 at leaf1.*last seen: no route/.test(line))).toBe(
      true,
    );
    expect(lines).toContain('    the log of the stand-in');
    expect(lines.at(-1)).toMatch(/^FAILED: 6 of 9 checks/);
    expect(await Lab.list()).not.toContain(NAME);
  });
});
