/** Killing the real programs of a node and starting them again as they were started. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LabNode } from '../../../lab/node.ts';

/** A program by the name of its pid file. */
export const PID_FILES = {
  zebra: '/run/frr/zebra.pid',
  bgpd: '/run/frr/bgpd.pid',
  bfdd: '/run/frr/bfdd.pid',
  'ovsdb-server': '/run/openvswitch/ovsdb-server.pid',
  'ovs-vswitchd': '/run/openvswitch/ovs-vswitchd.pid',
  'ovn-controller': '/run/ovn/ovn-controller.pid',
  'ovn-northd': '/run/ovn/ovn-northd.pid',
  ovnnb_db: '/run/ovn/ovnnb_db.pid',
  ovnsb_db: '/run/ovn/ovnsb_db.pid',
} as const;
export type ProgramName = keyof typeof PID_FILES;

/** How often watchfrr looks, by default. */
const KEEP_MS = 5000;

/** A program that was ended, and how to have it back. */
export interface Ended {
  readonly name: ProgramName;
  readonly argv: readonly string[];
}

/** Kills a program without a chance to do anything, and waits until it is gone. */
export async function kill(node: LabNode, name: ProgramName): Promise<Ended> {
  const { stdout } = await node.script(
    `pid=$(cat ${PID_FILES[name]})
tr '\\0' '\\n' </proc/$pid/cmdline
kill -9 $pid
while kill -0 $pid 2>/dev/null; do sleep 0.01; done`,
  );
  return { name, argv: stdout.split('\n').filter((word) => word !== '') };
}

/** Starts it with the command line that it had; returns when it has detached and answers. */
export async function start(node: LabNode, { argv }: Ended): Promise<void> {
  const quoted = argv.map((word) => `'${word}'`).join(' ');
  // FRR's daemons keep their standard streams open.
  await node.script(`${quoted} >>/var/log/restarts.log 2>&1 </dev/null`);
}

/**
 * Starts zebra again when it has ended by itself, as watchfrr(8) does on a host. FRR 8.4.4 needs it: its zebra aborts when a
 * route goes while it is queued, which a storm of changes brings about (FRRouting pull request 14142).
 */
export class ZebraKeeper {
  readonly #node: LabNode;
  readonly #zebra: Ended;
  readonly #ended: Promise<void>;
  #running = true;
  #restarts = 0;

  private constructor(node: LabNode, zebra: Ended) {
    this.#node = node;
    this.#zebra = zebra;
    this.#ended = this.#keep();
  }

  static async of(node: LabNode): Promise<ZebraKeeper> {
    const { stdout } = await node.script(`tr '\\0' '\\n' </proc/$(cat ${PID_FILES.zebra})/cmdline`);
    return new ZebraKeeper(node, { name: 'zebra', argv: stdout.split('\n').filter((word) => word !== '') });
  }

  /** Ends; tells how often zebra was started again. */
  async stop(): Promise<number> {
    this.#running = false;
    await this.#ended;
    return this.#restarts;
  }

  async #keep(): Promise<void> {
    while (this.#running) {
      await delay(KEEP_MS);
      const { stdout } = await this.#node.script(
        `kill -0 $(cat ${PID_FILES.zebra}) 2>/dev/null && echo lives || echo gone`,
      );
      if (stdout.trim() === 'lives') continue;
      this.#restarts += 1;
      await start(this.#node, this.#zebra);
      await this.#node.script('vtysh -b >>/var/log/restarts.log 2>&1');
    }
  }
}

/** Names and pids of everything that runs on a node with a pid file. */
export async function pids(node: LabNode): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await node.script(
    'for file in /run/frr/*.pid /run/openvswitch/*.pid /run/ovn/*.pid; do [ -e $file ] && echo $(basename $file .pid) $(cat $file); done; true',
  );
  return new Map(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [name = '', pid = ''] = line.split(' ');
        return [name, Number(pid)] as const;
      }),
  );
}

/** Freezes and thaws a program, for what it must not do meanwhile. */
export async function signal(node: LabNode, name: ProgramName, what: 'STOP' | 'CONT'): Promise<void> {
  await node.script(`kill -${what} $(cat ${PID_FILES[name]})`);
}
