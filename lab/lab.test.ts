import { describe, expect, it } from 'vitest';
import { agentConfig } from './agent-process.ts';
import { Checks } from './checks.ts';
import { labCli } from './cli.ts';
import { CommandError, LabError } from './machine.ts';
import { labPaths, parseStat } from './state.ts';
import { countRepeated } from './status.ts';
import { progressPrinter, table } from './terminal.ts';
import { until } from './until.ts';
import { linkLocal, parsePing } from './vm.ts';

const STAT = (state: string): string =>
  `4711 (a (b) c) ${state} 17 4711 4711 0 -1 4194560 1 0 0 0 2 3 0 0 20 0 1 0 987654 1000 200 18446744073709551615\n`;

describe('the identity of a process', () => {
  it('survives spaces and parentheses in its name', () => {
    expect(parseStat(STAT('S'))).toEqual({ pid: 4711, parent: 17, command: 'a (b) c', startTime: '987654' });
  });

  it('is not there when the line is incomplete or the process has ended', () => {
    expect(parseStat(STAT('S').trimEnd())).toBeUndefined();
    expect(parseStat('')).toBeUndefined();
    expect(parseStat(STAT('Z'))).toBeUndefined();
  });
});

describe('names of labs', () => {
  it.each(['', 'UP', 'a/b', '..', '-x', 'a b'])('refuses %j', (name) => {
    expect(() => labPaths(name)).toThrow(LabError);
  });

  it('become a directory', () => {
    expect(labPaths('lab-2').directory).toBe('/run/ovn-bgp-agent-lab/lab-2');
  });
});

describe('waiting', () => {
  it('returns the value as soon as it is there', async () => {
    let asked = 0;
    const probe = async (): Promise<{ seen: string } | { value: number }> => {
      asked += 1;
      return asked < 3 ? { seen: `${asked}` } : { value: asked };
    };
    const reached = await until('three', probe, { everyMs: 1 });
    expect(reached.value).toBe(3);
  });

  it('tells what was awaited and what was seen', async () => {
    const waiting = until('a miracle', async () => ({ seen: 'rain' }), { timeoutMs: 5, everyMs: 1 });
    await expect(waiting).rejects.toThrow(/^waited 0\.\d\d s for a miracle; last seen: rain$/);
  });

  it('takes a failing command for "not yet", and anything else for a bug', async () => {
    const failing = new CommandError(
      ['vtysh'],
      { code: 1, stdout: '', stderr: 'no daemon' },
      'exit status 1',
    );
    const command = until('an answer', () => Promise.reject(failing), { timeoutMs: 3, everyMs: 1 });
    await expect(command).rejects.toThrow(/last seen: vtysh: exit status 1: no daemon/);
    await expect(until('x', () => Promise.reject(new TypeError('bug')))).rejects.toThrow(TypeError);
  });

  it('ends when it is aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(until('x', async () => ({ seen: '' }), { signal, everyMs: 1 })).rejects.toThrow(/abort/i);
  });
});

describe('the configuration of the agent', () => {
  it('has the way of advertising that the kernel allows, and what the caller adds', () => {
    const text = agentConfig('main', 'compute2', {
      driver: 'sb',
      settings: { DEFAULT: { debug: 'false' }, ovn: { ovn_sb_connection: 'tcp:192.0.2.1:6642' } },
    });
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        '[DEFAULT]',
        'driver = ovn_bgp_driver',
        'advertise_via = main',
        'bgp_router_id = 10.0.0.22',
        'debug = false',
        '[ovn]',
        'ovn_sb_connection = tcp:192.0.2.1:6642',
      ]),
    );
    expect(text).not.toContain('debug = true');
  });
});

describe('ping', () => {
  it('reads answers and their absence', () => {
    const good =
      '3 packets transmitted, 2 received, 33% packet loss\nrtt min/avg/max/mdev = 0.2/0.5/1.0/0.3 ms\n';
    expect(parsePing(good, 3)).toMatchObject({ sent: 3, received: 2, averageMs: 0.5 });
    const unreachable = '3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 402ms';
    expect(parsePing(unreachable, 3)).toMatchObject({ sent: 3, received: 0, averageMs: undefined });
    expect(parsePing('ping: connect: Network is unreachable', 3)).toMatchObject({ sent: 3, received: 0 });
  });

  it('knows the link-local address that goes with a MAC address', () => {
    expect(linkLocal('02:ee:00:00:00:15')).toBe('fe80::ee:ff:fe00:15');
    expect(linkLocal('fa:16:3e:00:00:01')).toBe('fe80::f816:3eff:fe00:1');
  });
});

describe('output', () => {
  it('aligns columns', () => {
    expect(
      table([
        ['A', 'LONG', 'END'],
        ['xyz', 'b', ''],
      ]),
    ).toEqual(['A    LONG  END', 'xyz  b']);
  });

  it('counts repeated names', () => {
    expect(countRepeated(['a', 'b', 'a'])).toEqual(['a x2', 'b']);
  });

  it('prints a step when it has ended', () => {
    const lines: string[] = [];
    const progress = progressPrinter((line) => lines.push(line));
    progress({ step: 'nodes', state: 'begin', elapsedMs: 100 });
    progress({ step: 'nodes', state: 'end', elapsedMs: 300, durationMs: 200 });
    progress({ step: 'links', state: 'failed', elapsedMs: 400, durationMs: 100 });
    expect(lines).toEqual(['   0.30 s  nodes (0.20 s)', '   0.40 s  links (0.10 s) FAILED']);
  });

  it('prints the beginning of a step that takes long as well', () => {
    const lines: string[] = [];
    const progress = progressPrinter((line) => lines.push(line));
    progress({ step: 'packages', state: 'begin', elapsedMs: 100, slow: true });
    progress({ step: 'packages', state: 'end', elapsedMs: 50_100, durationMs: 50_000, slow: true });
    expect(lines).toEqual(['   0.10 s  packages ...', '   50.1 s  packages (50.0 s)']);
  });

  it('counts checks, and passes only when there were some', async () => {
    const lines: string[] = [];
    const checks = new Checks((line) => lines.push(line));
    expect(checks.verdict(1000)).toMatch(/^FAILED: nothing was checked/);
    await checks.run('good', () => Promise.resolve('fine'));
    expect(checks.verdict(1000)).toBe('PASSED: all 1 checks, in 1.00 s');
    await checks.run('bad', () => Promise.reject(new LabError('x', 'broken')));
    expect(checks.verdict(1000)).toBe('FAILED: 1 of 2 checks, in 1.00 s');
    expect(lines).toEqual(['  ok    good: fine', '  FAIL  bad: broken']);
  });
});

describe('the command line', () => {
  async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
    const text = { out: '', err: '' };
    const status = await labCli(argv, {
      out: (line) => {
        text.out += `${line}\n`;
      },
      err: (line) => {
        text.err += `${line}\n`;
      },
    });
    return { status, ...text };
  }

  it('explains wrong usage and returns 2', async () => {
    expect(await run('fly')).toMatchObject({
      status: 2,
      err: expect.stringContaining("unknown command 'fly'"),
    });
    expect(await run('exec', 'compute1')).toMatchObject({ status: 2 });
    expect(await run()).toMatchObject({ status: 2 });
  });

  it('prints help and returns 0', async () => {
    expect(await run('--help')).toMatchObject({ status: 0, out: expect.stringContaining('exec') });
  });

  it('says when there is no such lab and returns 1', async () => {
    const result = await run('--name', 'nosuchlab', 'status');
    expect(result).toMatchObject({ status: 1, err: 'lab: there is no lab "nosuchlab": bring it up first\n' });
  });
});
