/** The agent's loop over a node in memory, for tests: everything real but the edges and the time. */
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { AgentConfig } from '../config/types.ts';
import { Concerns } from '../node/concerns.ts';
import { FakeNode } from '../node/fake-node.ts';
import { Node } from '../node/node.ts';
import type { Topology } from '../ovn/topology.ts';
import { methodOf } from '../wiring/wire.ts';
import { ChangeLog } from './change-log.ts';
import { FactsReader } from './facts-reader.ts';
import { followLocalOvn } from './follow-local-ovn.ts';
import { frrRepairs } from './frr-repairs.ts';
import { MethodHandover } from './method-handover.ts';
import { MigrationGrace } from './migration-grace.ts';
import { Planner } from './planner.ts';
import { Reconciler } from './reconciler.ts';
import { WithdrawGuard } from './withdraw-guard.ts';

export const BRIDGE = 'br-ex';
const PATCHES = ['provnet-flat', 'provnet-vlan', 'provnet-1', 'provnet-2'];

/** A node with one mapped bridge, as an operator hands it over. */
export function bareNode(options: { readonly vlan?: boolean } = {}): FakeNode {
  const node = new FakeNode({
    linkKinds: options.vlan === false ? ['vrf', 'dummy'] : ['vrf', 'dummy', 'vlan'],
  });
  node.ovs.set({ systemId: 'C1', hostname: 'cmp-1', bridgeMappings: `physnet1:${BRIDGE}` });
  node.netlink.addLink({ name: BRIDGE, kind: 'openvswitch', mac: '3a:f7:e9:54:e8:4d' });
  node.ovs.setBridge(
    BRIDGE,
    PATCHES.map((name, index) => ({
      name: `patch-${name}-to-br-int`,
      type: 'patch',
      tag: undefined,
      ofport: index + 1,
      externalIds: new Map(),
    })),
  );
  return node;
}

/** One life of the agent over a node; the node outlives it. */
export class TestAgent {
  readonly clock = new VirtualClock();
  readonly planner: Planner;
  readonly node: Node;
  readonly reconciler: Reconciler;
  readonly guard: WithdrawGuard;
  readonly #grace: MigrationGrace;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  readonly #ends: (() => void)[] = [];

  constructor(edge: FakeNode, topology: Topology, changes: Partial<AgentConfig> = {}) {
    const config = defaultConfig({ advertiseVia: 'main', ...changes });
    const concerns = new Concerns(silentLogger, { clock: this.clock });
    this.node = new Node(edge, silentLogger, { clock: this.clock, settleMs: 0, concerns });
    this.#grace = new MigrationGrace(config.migrationGraceSec, this.clock, (key) =>
      this.reconciler.graceEnded(key),
    );
    this.planner = new Planner(config, methodOf(config.exposingMethod), this.#grace);
    this.guard = new WithdrawGuard(
      {
        percent: config.withdrawGuardPercent,
        minimum: config.withdrawGuardMinimum,
        holdSec: config.withdrawGuardHoldSec,
      },
      this.clock,
      silentLogger,
    );
    const facts = new FactsReader(edge, config, silentLogger, { clock: this.clock, concerns });
    facts.former.follow(() => this.reconciler.factsChanged());
    this.reconciler = new Reconciler({
      planner: this.planner,
      node: this.node,
      concerns,
      guard: this.guard,
      clock: this.clock,
      log: silentLogger,
      changeLog: new ChangeLog(silentLogger, this.clock),
      repairs: frrRepairs(edge, config, this.clock, silentLogger),
      handover: new MethodHandover(config, silentLogger),
      readFacts: (signal) => facts.read(signal),
      scopeOf: (known) => facts.scope(known),
      forgetBridge: (name) => facts.former.forget(name),
    });
    this.#ends.push(
      followLocalOvn(
        edge,
        (events) => facts.concerns(events),
        () => this.reconciler.factsChanged(),
      ),
    );
    this.#ends.push(facts.followNeeds(() => this.reconciler.factsChanged()));
    this.planner.setTopology(topology);
    this.node.onDrift((kinds) => this.reconciler.drifted(kinds));
    edge.ovs.subscribe((event) => {
      if (event.kind === 'database') this.reconciler.factsChanged();
    });
    edge.frr.onZebraReturn(() => this.reconciler.zebraReturned());
    this.#loop = this.reconciler.run(this.#stop.signal);
  }

  /** Waits until nothing is left to do and no notification is on its way. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.reconciler.whenSettled();
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(0);
    }
    await this.reconciler.whenSettled();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    for (const end of this.#ends) end();
    this.#grace.close();
    this.node.close();
  }
}
