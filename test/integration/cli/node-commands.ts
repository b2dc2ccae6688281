/**
 * The command as a user has it, on a node in a network namespace of its own: a real Open_vSwitch database with the keys of
 * a node, and whatever OVN databases a test names.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type OvsdbServer, startOvsdbServer, VSWITCH_SCHEMA } from '../../support/ovsdb-server.ts';

const COMMAND = resolve(import.meta.dirname, '../../../bin/ovn-bgp-agent');
const IN_NAMESPACE = 'ip link set lo up; exec "$0" "$@"';
/** A command that hangs is killed: its code is then null. */
const DEADLINE_MS = 30_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandNode {
  readonly directory: string;
  readonly configFile: string;
  readonly switchDatabase: OvsdbServer;
  /** Sets or, with an empty text, removes keys of `Open_vSwitch:external_ids`. */
  setIds(ids: Readonly<Record<string, string>>): Promise<void>;
  run(args: readonly string[], options?: { readonly config?: string }): Promise<Ended>;
  stop(): Promise<void>;
}

export async function startNode(options: Readonly<Record<string, string>> = {}): Promise<CommandNode> {
  const directory = await mkdtemp(join(tmpdir(), 'command-node-'));
  const switchDatabase = await startOvsdbServer({ schemas: [VSWITCH_SCHEMA] });
  await switchDatabase.transact('Open_vSwitch', [{ op: 'insert', table: 'Open_vSwitch', row: {} }]);
  const configFile = join(directory, 'bgp-agent.conf');
  const lines = {
    driver: 'nb_ovn_bgp_driver',
    advertise_via: 'main',
    ovsdb_connection: switchDatabase.remote,
    frr_run_dir: join(directory, 'frr'),
    ovs_run_dir: join(directory, 'ovs'),
    rt_tables: join(directory, 'rt_tables'),
    ...options,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(configFile, `[DEFAULT]\n${text.join('')}`);
  const setIds = async (ids: Readonly<Record<string, string>>): Promise<void> => {
    const keys = ['set', Object.keys(ids)];
    const values = Object.entries(ids).filter(([, value]) => value !== '');
    await switchDatabase.transact('Open_vSwitch', [
      {
        op: 'mutate',
        table: 'Open_vSwitch',
        where: [],
        mutations: [
          ['external_ids', 'delete', keys],
          ['external_ids', 'insert', ['map', values]],
        ],
      },
    ]);
  };
  await setIds({
    'system-id': 'C1',
    hostname: 'cmp-1',
    'ovn-bridge-mappings': 'physnet1:br-ex',
  });
  return {
    directory,
    configFile,
    switchDatabase,
    setIds,
    run: (args, { config = configFile } = {}) => run([...args, '--config-file', config]),
    stop: async () => {
      await switchDatabase.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** Runs the command to its end. */
export function run(args: readonly string[]): Promise<Ended> {
  return new Promise((ended, failed) => {
    const child: ChildProcess = spawn('unshare', ['--net', 'sh', '-c', IN_NAMESPACE, COMMAND, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err]: string[][] = [[], []];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => out?.push(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => err?.push(text));
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    child.once('error', failed);
    child.once('close', (code) => {
      clearTimeout(timer);
      ended({ code, stdout: out?.join('') ?? '', stderr: err?.join('') ?? '' });
    });
  });
}
