import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleFile } from '../config/sample.ts';
import { registerConfigCommand } from './config-command.ts';
import { addConfigOptions, configInput, loadFromOptions } from './config-options.ts';
import { registerDocsCommand } from './docs-command.ts';
import type { CommandIo } from './io.ts';

const HERMETIC = { environment: {}, defaultFiles: [], defaultDirectories: [] };

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bgp-agent-cli-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

interface Outcome {
  stdout: string;
  stderr: string;
  code: number | undefined;
}

function collector(): { readonly io: CommandIo; readonly outcome: Outcome } {
  const outcome: Outcome = { stdout: '', stderr: '', code: undefined };
  const io: CommandIo = {
    stdout: (text) => {
      outcome.stdout += text;
    },
    stderr: (text) => {
      outcome.stderr += text;
    },
    setExitCode: (code) => {
      outcome.code = code;
    },
  };
  return { io, outcome };
}

async function run(
  register: (program: Command, io: CommandIo) => void,
  ...args: readonly string[]
): Promise<Outcome> {
  const { io, outcome } = collector();
  const program = new Command('x')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) });
  register(program, io);
  await program.parseAsync(args, { from: 'user' });
  return outcome;
}

const config = (...args: readonly string[]): Promise<Outcome> =>
  run((program, io) => registerConfigCommand(program, io, HERMETIC), 'config', ...args);

async function file(text: string): Promise<string> {
  const path = join(root, 'agent.conf');
  await writeFile(path, text);
  return path;
}

describe('config sample', () => {
  it('prints the sample file', async () => {
    expect(await config('sample')).toEqual({ stdout: sampleFile(), stderr: '', code: undefined });
  });
});

describe('config check', () => {
  it('prints every value with its origin', async () => {
    const path = await file('[DEFAULT]\ndriver = nb_ovn_bgp_driver\nbgp_as = 1\n');
    const { stdout, stderr, code } = await config('check', '--config-file', path, '--bgp-nic', 'nic0');
    expect(code).toBe(0);
    expect(stdout).toContain(`read: ${path}\n\n[DEFAULT]\n`);
    expect(stdout).toMatch(new RegExp(`^driver +=.nb_ovn_bgp_driver +\\(${path}:2\\)$`, 'm'));
    expect(stdout).toMatch(/^bgp_nic +=.nic0 +\(command line --bgp-nic\)$/m);
    expect(stdout).toMatch(/^bgp_vrf +=.bgp-vrf +\(default\)$/m);
    expect(stderr).toBe(
      `warning: ${path}:3: [DEFAULT] bgp_as: unknown option, it does not count; did you mean bgp_AS?\n`,
    );
  });

  it('prints all problems and ends with 64', async () => {
    const path = await file('[DEFAULT]\nbgp_AS = x\nbgp_vrf_table_id = 0\n');
    const { stdout, stderr, code } = await config('check', '--config-file', path);
    expect(code).toBe(64);
    expect(stdout).toBe('');
    expect(stderr.split('\n').map((line) => line.slice(0, `error: ${path}:2`.length))).toEqual([
      `error: ${path}:2`,
      `error: ${path}:3`,
      '',
    ]);
  });

  it('ends with 64 for what the agent would refuse to run with', async () => {
    const { stdout, stderr, code } = await config(
      'check',
      '--exposing-method',
      'vrf',
      '--clear-vrf-routes-on-startup',
    );
    expect(code).toBe(64);
    expect(stdout).toMatch(/^exposing_method +=.vrf /m);
    expect(stderr).toMatch(/^warning: clear_vrf_routes_on_startup.*\nerror: exposing_method = vrf: .*\n$/);
  });

  it('prints the same as JSON', async () => {
    const path = await file('[DEFAULT]\nbgp_AS = 1.10\n');
    const good = await config('check', '--config-file', path, '--output', 'json');
    expect(JSON.parse(good.stdout)).toMatchObject({
      problems: [],
      warnings: [],
      files: [path],
      options: expect.arrayContaining([
        {
          section: 'DEFAULT',
          name: 'bgp_AS',
          value: '65546',
          origin: { kind: 'file', file: path, line: 2, place: '[DEFAULT] bgp_AS' },
        },
      ]),
    });
    const bad = await config('check', '--config-file', `${path}.absent`, '--output', 'json');
    expect(JSON.parse(bad.stdout)).toEqual({
      problems: [`${path}.absent: cannot be read: it does not exist`],
      warnings: [],
      files: [],
    });
    expect([good.code, bad.code, good.stderr, bad.stderr]).toEqual([0, 64, '', '']);
  });
});

describe('configuration flags', () => {
  const input = (...args: readonly string[]) => {
    const command = addConfigOptions(new Command('x')).exitOverride();
    return configInput(command.parse(args, { from: 'user' }).opts());
  };

  it('collects files and directories in order', () => {
    expect(
      input('--config-file', 'a', '--config-dir', 'd', '--config-file=b', '--config-dir', 'e'),
    ).toMatchObject({ files: ['a', 'b'], directories: ['d', 'e'] });
    expect(input()).toEqual({ files: [], directories: [], overrides: new Map() });
  });

  it.each([
    [['--driver', 'x'], 'driver', 'x'],
    [['--bgp-AS', '1'], 'bgpAs', '1'],
    [['--bgp_AS=1'], 'bgpAs', '1'],
    [['--ovn-ovn-nb-connection', 'y'], 'ovnNbConnection', 'y'],
    [['--ovn-ovn_nb_connection', 'y'], 'ovnNbConnection', 'y'],
    [['--local_ovn_cluster-peer_ips', 'z'], 'localPeerIps', 'z'],
    [['--debug'], 'debug', 'true'],
    [['--nodebug'], 'debug', 'false'],
    [['--clear_vrf_routes_on_startup'], 'clearVrfRoutesOnStartup', 'true'],
    [['--nodelete-vrf-on-disconnect'], 'deleteVrfOnDisconnect', 'false'],
    [['--bgp-router-id', ''], 'bgpRouterId', ''],
  ])('%j sets %s to %j', (args, id, text) => {
    expect([...input(...args).overrides]).toEqual([[id, text]]);
  });

  it('shows each option once in the help, under its section', () => {
    const help = addConfigOptions(new Command('x')).helpInformation();
    expect(help).toContain('Options of the file, [local_ovn_cluster]:');
    expect(help.match(/--bgp-AS /g)).toHaveLength(1);
    expect(help).not.toContain('--bgp_AS');
    expect(help).not.toContain('--nodebug');
  });
});

describe('loadFromOptions', () => {
  const load = async (refuseUnsupported: boolean, ...args: readonly string[]) => {
    const { io, outcome } = collector();
    const command = addConfigOptions(new Command('x')).parse(args, { from: 'user' });
    return { loaded: await loadFromOptions(command, io, { refuseUnsupported, ...HERMETIC }), ...outcome };
  };

  it('loads, and prints nothing', async () => {
    const { loaded, stdout, stderr, code } = await load(true, '--bgp-AS', '1');
    expect(loaded?.config.bgpAs).toBe(1);
    expect([stdout, stderr, code]).toEqual(['', '', undefined]);
  });

  it('prints what is wrong and sets the exit code', async () => {
    const { loaded, stderr, code } = await load(false, '--bgp-AS', 'x');
    expect([loaded, code]).toEqual([undefined, 64]);
    expect(stderr).toMatch(/^error: --bgp-AS: "x" is not an AS number; accepted: .*\n$/);
  });

  it('refuses what is not supported only when asked to', async () => {
    const args = ['--driver', 'ovn_evpn_driver', '--clear-vrf-routes-on-startup'];
    const refused = await load(true, ...args);
    expect([refused.loaded, refused.code]).toEqual([undefined, 64]);
    expect(refused.stderr).toContain('error: driver = ovn_evpn_driver: ');
    const { loaded, stderr, code } = await load(false, ...args);
    expect([stderr, code]).toEqual(['', undefined]);
    expect(loaded?.warnings.map((warning) => warning.split(/[ :]/)[0])).toEqual([
      'clear_vrf_routes_on_startup',
      'driver',
    ]);
  });
});

describe('docs', () => {
  const docs = (...args: readonly string[]): Promise<Outcome> =>
    run(
      (program, io) => registerDocsCommand(program, io, [{ path: 'a/b.md', content: () => 'text\n' }]),
      'docs',
      '--root',
      root,
      ...args,
    );

  it('checks without writing, writes, and then is content', async () => {
    const outOfDate = { stdout: '', stderr: 'a/b.md is out of date: run "npm run docs"\n', code: 1 };
    expect(await docs('--check')).toEqual(outOfDate);
    expect(await docs('--check')).toEqual(outOfDate);
    expect(await docs()).toMatchObject({ stdout: 'wrote a/b.md\n', stderr: '' });
    expect(await readFile(join(root, 'a/b.md'), 'utf8')).toBe('text\n');
    expect(await docs('--check')).toEqual({ stdout: '', stderr: '', code: 0 });
    expect(await docs()).toMatchObject({ stdout: '' });
    await writeFile(join(root, 'a/b.md'), 'other\n');
    expect(await docs('--check')).toEqual(outOfDate);
  });
});
