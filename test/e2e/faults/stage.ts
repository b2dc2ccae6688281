/**
 * The stage of the fault drills: a lab with agents, machines, witnesses, and what should be announced.
 *
 * A drill breaks something, waits for the repair, and ends with the same questions every time: do both leafs have exactly
 * the routes that they should have, does the dry run find nothing to do, did nothing else start anew, do pings pass? What
 * it measured is kept for the report.
 */
import assert from 'node:assert/strict';
import type { AgentDriver, LabAgent } from '../../../lab/agent-process.ts';
import { FLAT_NETWORK, VLAN_NETWORK } from '../../../lab/content.ts';
import { Lab } from '../../../lab/lab.ts';
import type { ChassisName } from '../../../lab/layout.ts';
import type { LabNode } from '../../../lab/node.ts';
import { type Seen, until, untilTrue } from '../../../lab/until.ts';
import type { VirtualMachine } from '../../../lab/vm.ts';
import {
  awaitSettled,
  bootVm,
  bringUp,
  type Cloud,
  LEAFS,
  pingBothWays,
  portSpec,
  REPAIR_MS,
  startAgents,
  stopAgents,
} from '../fixture.ts';
import { slowness } from '../machine-speed.ts';
import { type ProgramName, pids } from './programs.ts';
import type { DrillResult } from './report.ts';
import { Witness } from './witness.ts';

/** The node that is broken. */
export const SUBJECT: ChassisName = 'compute1';
/** FRR's configuration and settings below /proc/sys are looked at this often here; the default is 15 s. */
export const RECHECK_SEC = 5;
/** Long enough for a busy guest to restore a database before it is over. */
export const GUARD_HOLD_SEC = 20;

const SETTINGS = {
  frr_reconcile_interval: `${RECHECK_SEC}`,
  // Nothing is repaired by the slow audit in these drills.
  reconcile_interval: '3600',
  withdraw_guard_minimum: '3',
  withdraw_guard_hold: `${GUARD_HOLD_SEC}`,
};

/** What the machine of this run can do; known before the drills are listed. */
export interface Ground {
  /** How the lab's agents advertise here. */
  readonly via: 'vrf' | 'main';
  /** The machine is a guest: what may be done to a machine as a whole may be done to it. */
  readonly guest: boolean;
}

export interface Drill {
  readonly name: string;
  readonly done: string;
  /** Whose time an outage is. */
  readonly cause: string;
  /** Programs of the node that the drill itself starts anew; everything else must live on. */
  readonly restarts?: readonly (ProgramName | 'agent')[];
  /** Touches only the node: the promise of a repair within a second holds. */
  readonly promised?: true;
}

/** What a drill found; `repairedMs` is absent where the agent had nothing to repair. */
export interface Found {
  readonly repairedMs?: number;
  /** Replaces the drill's own text. */
  readonly done?: string;
  /** Replaces the drill's own word for whose time it is. */
  readonly cause?: string;
  /** The clock that the witnesses go by did not pass evenly. */
  readonly unmeasured?: true;
}

export class Stage {
  readonly cloud: Cloud;
  /** Flat network, on the node that is broken; pinged all the time. */
  readonly flat: VirtualMachine;
  /** VLAN network, on the node that is broken. */
  readonly vlan: VirtualMachine;
  /** Flat network, on the node that is broken; comes and goes. */
  readonly spare: VirtualMachine;
  /** On another node: nothing that is done to the first one concerns it. */
  readonly bystander: VirtualMachine;
  readonly witness: Witness;
  /** Where each address should be announced from. */
  readonly expected = new Map<string, ChassisName>();
  readonly results: DrillResult[] = [];
  #agents: ReadonlyMap<ChassisName, LabAgent> = new Map();

  private constructor(cloud: Cloud, machines: readonly VirtualMachine[], witness: Witness) {
    const [flat, vlan, spare, bystander] = machines;
    if (flat === undefined || vlan === undefined || spare === undefined || bystander === undefined) {
      throw new TypeError('four machines are needed');
    }
    this.cloud = cloud;
    this.flat = flat;
    this.vlan = vlan;
    this.spare = spare;
    this.bystander = bystander;
    this.witness = witness;
    for (const machine of machines) this.expect(machine.addresses, machine.node);
  }

  static async up(name: string): Promise<Stage> {
    const cloud = await bringUp(name);
    const machines = [
      await bootVm(cloud, portSpec('flat', FLAT_NETWORK, SUBJECT, 10)),
      await bootVm(cloud, portSpec('vlan', VLAN_NETWORK, SUBJECT, 10)),
      await bootVm(cloud, portSpec('spare', FLAT_NETWORK, SUBJECT, 11)),
      await bootVm(cloud, portSpec('bystander', FLAT_NETWORK, 'compute2', 12)),
    ];
    const agents = await startAgents(cloud.lab, 'nb', SETTINGS);
    const [flat] = machines;
    if (flat !== undefined) await pingBothWays(cloud, flat);
    const witness = await Witness.start(cloud.lab, flat?.addresses ?? []);
    const stage = new Stage(cloud, machines, witness);
    stage.#agents = agents;
    return stage;
  }

  /** What this was measured on, in one sentence. */
  async versions(): Promise<string> {
    const { stdout } = await this.node.script(
      "ovn-controller --version | head -n 1; ovs-vswitchd --version | head -n 1; vtysh -c 'show version' | head -n 1; uname -r",
    );
    const [ovn = '', ovs = '', frr = '', kernel = ''] = stdout.split('\n');
    const number = (text: string): string => /\d+\.\d[\d.]*/.exec(text)?.[0] ?? text;
    const { advertiseVia, datapath } = this.lab.blueprint;
    const path = datapath === 'netdev' ? 'user space' : 'kernel';
    return `OVN ${number(ovn)}, Open vSwitch ${number(ovs)} with its ${path} data path, FRR ${number(frr)}, Linux ${number(kernel)}, \`advertise_via = ${advertiseVia}\`.`;
  }

  get lab(): Lab {
    return this.cloud.lab;
  }

  get node(): LabNode {
    return this.lab.node(SUBJECT);
  }

  get central(): LabNode {
    return this.lab.node('central');
  }

  get agent(): LabAgent {
    return this.agentOn(SUBJECT);
  }

  agentOn(node: ChassisName): LabAgent {
    const agent = this.#agents.get(node);
    if (agent === undefined) throw new TypeError(`no agent on ${node}`);
    return agent;
  }

  /** Starts all agents again with another driver. */
  async switchDriver(driver: AgentDriver): Promise<void> {
    await stopAgents(this.#agents);
    this.#agents = await startAgents(this.lab, driver, SETTINGS);
    await this.awaitAnnounced();
  }

  /** Starts the agent of the node that is broken again, with further settings. */
  async restartAgent(
    driver: AgentDriver,
    settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
  ): Promise<void> {
    await this.agent.stop();
    await this.agent.configure(this.lab, SUBJECT, {
      driver,
      settings: { ...settings, DEFAULT: { ...SETTINGS, ...settings.DEFAULT } },
    });
    await this.agent.run();
    await awaitSettled(this.agent);
  }

  /**
   * The promise of a second, for the speed that this machine has just now. In a guest the looks that see the repair take
   * seconds themselves: one may have begun just before it, and the next one has to end.
   */
  async promisedMs(): Promise<number> {
    const factor = await slowness();
    if (factor === 1) return REPAIR_MS;
    const beganMs = performance.now();
    await this.holdings();
    return Math.round(REPAIR_MS * factor + 2 * (performance.now() - beganMs));
  }

  get machines(): readonly VirtualMachine[] {
    return [this.flat, this.vlan, this.spare, this.bystander];
  }

  expect(addresses: readonly string[], node: ChassisName | undefined): void {
    for (const address of addresses) {
      if (node === undefined) this.expected.delete(address);
      else this.expected.set(address, node);
    }
  }

  /** Runs a drill and asks the questions at its end. */
  async run(group: string, drill: Drill, body: () => Promise<Found>): Promise<DrillResult> {
    const watched = [...this.expected.keys()];
    const before = await this.#lives();
    const fromMs = Date.now();
    const found = await body();
    await this.awaitAnnounced();
    await pingBothWays(this.cloud, this.flat);
    await pingBothWays(this.cloud, this.vlan);
    const span = { fromMs, toMs: Date.now() };
    const stayed = watched.filter((address) => this.expected.has(address) && !this.#moved.has(address));
    const result: DrillResult = {
      group,
      name: drill.name,
      done: found.done ?? drill.done,
      repairedMs: found.repairedMs,
      routeOutageMs: found.unmeasured === true ? undefined : await this.witness.routeOutageMs(stayed, span),
      pingOutageMs: found.unmeasured === true ? undefined : await this.witness.pingOutageMs(span),
      cause: found.cause ?? drill.cause,
    };
    this.#moved.clear();
    this.results.push(result);
    const plan = await this.agent.command(['plan'], { check: false });
    assert.equal(plan.code, 0, `the dry run finds something to do: ${plan.stdout}${plan.stderr}`);
    const after = await this.#lives();
    for (const name of drill.restarts ?? []) before.delete(name);
    for (const [name, pid] of before) assert.equal(after.get(name), pid, `${name} was started anew`);
    if (drill.promised === true) {
      const { repairedMs = Infinity } = result;
      const promisedMs = await this.promisedMs();
      assert.ok(repairedMs < promisedMs, `repaired after ${repairedMs} ms, promised were ${promisedMs} ms`);
    }
    return result;
  }

  /** Addresses that the running drill takes away on purpose: their absence is no outage. */
  readonly #moved = new Set<string>();

  takeAway(addresses: readonly string[]): void {
    for (const address of addresses) this.#moved.add(address);
  }

  /**
   * Takes the spare machine off and puts it back on; both must be followed. `unpluggedMs`: it is off already, count from
   * there. `saidMs` is when the Northbound database says that it is down.
   */
  async replug(
    unpluggedMs?: number,
  ): Promise<{ readonly goneMs: number; readonly saidMs: number; readonly backMs: number }> {
    const { spare, cloud } = this;
    this.takeAway(spare.addresses);
    const offMs = unpluggedMs ?? Date.now();
    if (unpluggedMs === undefined) await spare.unplug();
    this.expect(spare.addresses, undefined);
    const isDown = async (): Promise<boolean> => {
      const argv = ['ovn-nbctl', '--timeout=1', 'get', 'Logical_Switch_Port', spare.port.id, 'up'];
      return (await this.central.exec(argv)).stdout.includes('false');
    };
    const said = untilTrue('OVN to say that the port is down', isDown, { timeoutMs: 60_000, everyMs: 20 });
    const [saidMs] = await Promise.all([said.then(() => Date.now() - offMs), this.awaitAnnounced()]);
    const goneMs = Date.now() - offMs;
    const onMs = Date.now();
    await spare.plug();
    await cloud.content.awaitPortUp(spare.port.id, spare.node);
    this.expect(spare.addresses, spare.node);
    await this.awaitAnnounced();
    return { goneMs, saidMs, backMs: Date.now() - onMs };
  }

  /** Waits until both leafs have a route to every address that is expected, over its node, and to no other. */
  async awaitAnnounced(timeoutMs = 120_000): Promise<number> {
    const wanted = this.expectedLines();
    const { elapsedMs } = await until(
      'the leafs to have exactly the expected routes',
      async (): Promise<Seen<true>> => {
        const seen: string[] = [];
        for (const leaf of LEAFS) {
          const lines = await this.announced(leaf);
          for (const line of wanted) if (!lines.includes(line)) seen.push(`${leaf} lacks ${line}`);
          for (const line of lines) if (!wanted.includes(line)) seen.push(`${leaf} still has ${line}`);
        }
        return seen.length === 0 ? { value: true } : { seen: seen.join('; ') };
      },
      { timeoutMs, everyMs: 50 },
    );
    return elapsedMs;
  }

  /** Host routes to the provider networks at a leaf: address and node. */
  async announced(leaf: (typeof LEAFS)[number]): Promise<readonly string[]> {
    const tables = await Promise.all(
      ([4, 6] as const).map((family) => this.lab.fabric.routeTable(leaf, family)),
    );
    return tables
      .flat()
      .filter(({ prefix }) => /^(172\.2[45]\.[\d.]+\/32|2001:db8:[45]:.*\/128)$/.test(prefix))
      .map(({ prefix, nextHops }) => {
        const nodes = nextHops.map((hop) => hop.node ?? hop.device).join('+');
        return `${prefix.replace(/\/\d+$/, '')} ${nodes}`;
      })
      .sort();
  }

  /** What `announced` should say. */
  expectedLines(): readonly string[] {
    return [...this.expected].map(([address, node]) => `${address} ${node}`).sort();
  }

  async #lives(): Promise<Map<string, number>> {
    const lives = new Map(await pids(this.node));
    const agent = await this.agent.process();
    if (agent !== undefined) lives.set('agent', agent.pid);
    return lives;
  }

  /** Freezes the agent of the node that is broken; `thaw` has it go on. */
  async freeze(): Promise<void> {
    await (await this.agent.process())?.signal('SIGSTOP');
  }

  async thaw(): Promise<void> {
    const agent = await this.agent.process();
    if (agent === undefined) return;
    await agent.signal('SIGCONT');
    // nsenter stops together with its child, and does not go on with it; it is the one to collect it at its end.
    const stat = (await this.lab.machine.files.read(`/proc/${agent.pid}/stat`)) ?? '';
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent > 1) await this.lab.machine.signal(parent, 'SIGCONT');
  }

  /** Everything of the agent's kinds on the node, one line each, sorted; two nodes that agree have the same text. */
  async holdings(): Promise<string> {
    const { stdout } = await this.node.script(HOLDINGS);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort()
      .join('\n');
  }

  /**
   * Runs a script on the node and polls until the node holds again what it held before; returns the milliseconds from the
   * script's first command on.
   */
  async repairOf(script: string, options: { same?: (text: string) => string } = {}): Promise<number> {
    const same = options.same ?? ((text: string) => text);
    const before = same(await this.holdings());
    const { stdout } = await this.node.script(`echo $EPOCHREALTIME\n${script}`);
    const beganMs = Number(stdout.split('\n')[0]) * 1000;
    return this.awaitHoldings(before, beganMs, same);
  }

  /** Polls until the node holds this; returns the milliseconds since a moment of the wall clock. */
  async awaitHoldings(
    wanted: string,
    sinceMs: number,
    same: (text: string) => string = (text) => text,
  ): Promise<number> {
    const wantedLines = new Set(wanted.split('\n'));
    await until(
      'the repair of the node',
      async (): Promise<Seen<true>> => {
        const now = same(await this.holdings());
        if (now === wanted) return { value: true };
        const lines = now.split('\n');
        const missing = [...wantedLines].filter((line) => !lines.includes(line));
        const extra = lines.filter((line) => !wantedLines.has(line));
        return {
          seen: `missing ${missing.join('; ') || 'nothing'}, too much ${extra.join('; ') || 'nothing'}`,
        };
      },
      { everyMs: 20 },
    );
    return Math.round(Date.now() - sinceMs);
  }

  async down(): Promise<void> {
    await this.thaw();
    await this.witness.stop();
    await stopAgents(this.#agents);
    await Lab.down(this.lab.name);
  }
}

/** Runs a drill and fails unless everything is as it should be at its end. */
export function expectRecovery(
  stage: Stage,
  group: string,
  drill: Drill,
  body: () => Promise<Found>,
): Promise<DrillResult> {
  return stage.run(group, drill, body);
}

const HOLDINGS = `
ip -4 rule | sed 's/^/rule /'; ip -6 rule | sed 's/^/rule /'
ip -4 route show table 200 2>/dev/null || true
ip -6 route show table 200 2>/dev/null || true
ip -4 route show type blackhole; ip -6 route show type blackhole
if [ -e /sys/class/net/bgp-vrf ]; then echo "bgp-vrf $(cat /sys/class/net/bgp-vrf/flags)"; fi
if [ -e /sys/class/net/bgp-nic ]; then
  echo "bgp-nic in $(basename "$(readlink /sys/class/net/bgp-nic/master)")"
  ip -o address show dev bgp-nic scope global | while read -r _ device _ prefix _; do echo "$device address $prefix"; done
fi
for device in br-ex br-ex.100; do
  ip -4 neigh show nud permanent dev $device 2>/dev/null | sed "s/^/$device neighbour /" || true
  ip -6 neigh show nud permanent dev $device 2>/dev/null | sed "s/^/$device neighbour /" || true
  ip -o address show dev $device 2>/dev/null | grep -Eo '(169.254|fd53:)[^ ]*' | sed "s/^/$device address /" || true
  cat /proc/sys/net/ipv4/conf/$device/proxy_arp /proc/sys/net/ipv6/conf/$device/proxy_ndp 2>/dev/null | sed "s/^/$device proxy /" || true
done
ip -6 neigh show proxy
ovs-ofctl dump-flows --no-stats br-ex 2>/dev/null | grep cookie=0x3e7 || true
`;
