/**
 * The two agents that are compared: started with the same configuration file on the same kind of node, each with all that
 * it starts in a control group of its own.
 */
import type { ChildProcess } from 'node:child_process';
import { AGENT } from '../support/bench-node.ts';
import { ended } from '../support/namespace.ts';
import { ControlGroup, type GroupUsage } from './control-group.ts';
import type { FabricNode } from './fabric-node.ts';

export const AGENT_NAMES = ['own', 'python'] as const;
export type AgentName = (typeof AGENT_NAMES)[number];

const COMMANDS: Readonly<Record<AgentName, readonly string[]>> = {
  own: [process.execPath, AGENT, 'run'],
  python: ['/usr/bin/ovn-bgp-agent'],
};

let groups = 0;

export class ComparedAgent {
  /** When it was started, as `performance.now()`. */
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #group: ControlGroup;

  private constructor(child: ChildProcess, group: ControlGroup, startedAt: number) {
    this.#child = child;
    this.#group = group;
    this.startedAt = startedAt;
  }

  static async start(name: AgentName, { node, configFile }: FabricNode): Promise<ComparedAgent> {
    const group = await ControlGroup.create(`agent-${process.pid}-${++groups}`);
    const startedAt = performance.now();
    const child = node.daemon(...group.command(...COMMANDS[name], '--config-file', configFile));
    return new ComparedAgent(child, group, startedAt);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  usage(): Promise<GroupUsage> {
    return this.#group.usage();
  }

  /** Ends it and whatever it leaves behind. */
  async stop(): Promise<void> {
    await ended(this.#child, 'SIGTERM');
    await this.#group.remove();
  }
}
