/**
 * The agent in a lab node: its configuration file, starting, stopping, killing, its log, and one-shot commands.
 *
 * It runs with standard paths: `/etc/ovn-bgp-agent/bgp-agent.conf`, `/var/log/ovn-bgp-agent/agent.log`; the command
 * `ovn-bgp-agent` is on the node's `PATH`.
 */
import { type Lab, PROJECT_DIRECTORY } from './lab.ts';
import { CHASSIS_AS, type ChassisName, NORTHBOUND, routerNamed, SOUTHBOUND } from './layout.ts';
import { LabError, type RunOptions, type RunResult } from './machine.ts';
import type { LabNode, NodeProcess } from './node.ts';

export const AGENT_CONFIG = '/etc/ovn-bgp-agent/bgp-agent.conf';
export const AGENT_LOG = '/var/log/ovn-bgp-agent/agent.log';
const AGENT_COMMAND = '/run/lab/bin/ovn-bgp-agent';
const AGENT_PROGRAM = `${PROJECT_DIRECTORY}/dist/src/cli/main.js`;
const PROCESS_NAME = 'ovn-bgp-agent';
const SUPERVISOR_NAME = 'local-ovn';
/** Four programs start, in a guest on a busy machine. */
const LOCAL_OVN_TIMEOUT_MS = 180_000;

/** Which database the agent watches; the values of the option `driver` are `DRIVERS`. */
export type AgentDriver = 'nb' | 'sb';

const DRIVERS: Readonly<Record<AgentDriver, string>> = { nb: 'nb_ovn_bgp_driver', sb: 'ovn_bgp_driver' };

export interface AgentOptions {
  readonly driver?: AgentDriver;
  /** Further options: section, then name and value; they win over the lab's own. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A line of the agent's log: its fields when it is JSON, else the text alone. */
export interface AgentLogLine {
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** The texts that the log consists of: what the agent wrote before it had a log file, and its log file. */
type LogTexts = readonly [streams: string, file: string];

export class LabAgent {
  readonly #node: LabNode;
  /** How long the log was when `run` started the agent last. */
  #earlier: readonly [streams: number, file: number] = [0, 0];

  constructor(lab: Lab, node: ChassisName) {
    this.#node = lab.node(node);
  }

  /** Writes the configuration and starts the agent; fails when it runs already or cannot be started. */
  static async start(lab: Lab, node: ChassisName, options: AgentOptions = {}): Promise<LabAgent> {
    const agent = new LabAgent(lab, node);
    await agent.configure(lab, node, options);
    await agent.run();
    return agent;
  }

  async configure(lab: Lab, node: ChassisName, options: AgentOptions = {}): Promise<void> {
    await this.#node.write(AGENT_CONFIG, agentConfig(lab.blueprint.advertiseVia, node, options));
    await this.installCommand();
  }

  /** Puts `ovn-bgp-agent` on the node's `PATH`. */
  async installCommand(): Promise<void> {
    if (!(await this.#node.sees(AGENT_PROGRAM))) {
      throw new LabError(
        'not-built',
        `${AGENT_PROGRAM} is not there: build the project first (npm run build)`,
      );
    }
    const script = `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(AGENT_PROGRAM)} "$@"\n`;
    await this.#node.write(AGENT_COMMAND, script, 0o755);
  }

  /** Starts the agent with the configuration that the node has. */
  async run(): Promise<NodeProcess> {
    const [streams, file] = await this.#logTexts();
    this.#earlier = [streams.length, file.length];
    const argv = [process.execPath, AGENT_PROGRAM, 'run', '--config-file', AGENT_CONFIG];
    return this.#node.spawn(PROCESS_NAME, argv);
  }

  /** The running process; `undefined` when there is none. */
  process(): Promise<NodeProcess | undefined> {
    return this.#node.process(PROCESS_NAME);
  }

  /** Ends the agent in an orderly way; what it put in place stays, as its design has it. */
  async stop(timeoutMs?: number): Promise<void> {
    await (await this.process())?.stop('SIGTERM', timeoutMs);
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    await (await this.process())?.stop('SIGKILL');
  }

  /** Runs one of the agent's commands with the node's configuration: `plan`, `explain ADDRESS`, ... */
  command(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [name = '', ...rest] = argv;
    return this.#node.exec([AGENT_COMMAND, name, '--config-file', AGENT_CONFIG, ...rest], options);
  }

  /** Runs `local-ovn SUBCOMMAND` with the node's configuration. */
  localOvn(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.#node.exec([AGENT_COMMAND, 'local-ovn', ...argv, '--config-file', AGENT_CONFIG], {
      timeoutMs: LOCAL_OVN_TIMEOUT_MS,
      ...options,
    });
  }

  /** Starts the supervisor of the node's own OVN, as its unit does. */
  superviseLocalOvn(): Promise<NodeProcess> {
    const argv = [AGENT_COMMAND, 'local-ovn', 'up', '--foreground', '--config-file', AGENT_CONFIG];
    return this.#node.spawn(SUPERVISOR_NAME, argv);
  }

  /** The dry run: what the agent would change on the node. */
  async plan(): Promise<string> {
    return (await this.command(['plan'])).stdout;
  }

  /** The agent's log so far; with what it wrote to its standard streams when it has no log file yet. */
  async log(): Promise<readonly AgentLogLine[]> {
    return (await this.#logTexts()).flatMap(logLines);
  }

  /**
   * The log of the run that `run` started last. The files are appended to, and a killed run leaves a line without an end:
   * no line tells where this one begins.
   */
  async runLog(): Promise<readonly AgentLogLine[]> {
    const texts = await this.#logTexts();
    return texts.flatMap((text, index) => logLines(text.slice(this.#earlier[index])));
  }

  async #logTexts(): Promise<LogTexts> {
    const streams = await this.#node.read(`/var/log/${PROCESS_NAME}.log`);
    return [streams ?? '', (await this.#node.read(AGENT_LOG)) ?? ''];
  }
}

/** The complete `bgp-agent.conf` of a node. */
export function agentConfig(advertiseVia: 'vrf' | 'main', node: ChassisName, options: AgentOptions): string {
  const sections = new Map<string, Map<string, string>>([
    [
      'DEFAULT',
      new Map([
        ['debug', 'true'],
        ['driver', DRIVERS[options.driver ?? 'nb']],
        ['exposing_method', 'underlay'],
        ['advertise_via', advertiseVia],
        ['ovsdb_connection', 'unix:/run/openvswitch/db.sock'],
        ['bgp_AS', `${CHASSIS_AS}`],
        ['bgp_router_id', routerNamed(node).loopback4],
        ['log_file', AGENT_LOG],
      ]),
    ],
    [
      'ovn',
      new Map([
        ['ovn_nb_connection', NORTHBOUND],
        ['ovn_sb_connection', SOUTHBOUND],
      ]),
    ],
  ]);
  for (const [section, settings] of Object.entries(options.settings ?? {})) {
    const target = sections.get(section) ?? new Map<string, string>();
    for (const [name, value] of Object.entries(settings)) target.set(name, value);
    sections.set(section, target);
  }
  return [...sections]
    .map(([name, values]) =>
      [`[${name}]`, ...[...values].map(([key, value]) => `${key} = ${value}`), ''].join('\n'),
    )
    .join('\n');
}

function logLines(text: string): AgentLogLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ text: line, fields: parseFields(line) }));
}

function parseFields(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    // A line that is being written just now.
    return undefined;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
