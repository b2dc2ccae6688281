/**
 * The daemon's lifecycle: opens the edges, waits for the databases, runs the reconciler, closes everything.
 *
 * In: configuration and the edges. Stopping (the signal) leaves the node as it is. What is not there yet (a database
 * that is down, a vswitchd that starts later) is waited for and told in the log; nothing is changed meanwhile.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { Concerns } from '../node/concerns.ts';
import type { NodeEdge } from '../node/edge.ts';
import { kindsWhere } from '../node/kinds/registry.ts';
import { Node } from '../node/node.ts';
import type { NodeIdentity } from '../ovn/topology.ts';
import { methodOf } from '../wiring/wire.ts';
import { ChangeLog } from './change-log.ts';
import { FactsReader } from './facts-reader.ts';
import { followLocalOvn } from './follow-local-ovn.ts';
import { frrRepairs } from './frr-repairs.ts';
import { readIdentity } from './identity.ts';
import { MethodHandover } from './method-handover.ts';
import { MigrationGrace } from './migration-grace.ts';
import { openOvnSource, ovnPlaces } from './ovn-source.ts';
import { Planner } from './planner.ts';
import { Reconciler } from './reconciler.ts';
import { resolveNextHops } from './resolve-next-hops.ts';
import type { OvnSource } from './source.ts';
import { type Known, StateReport, statusText } from './state-report.ts';
import { whenSnapshot } from './when-snapshot.ts';
import { WithdrawGuard } from './withdraw-guard.ts';

export interface AgentParts {
  readonly config: AgentConfig;
  readonly edge: NodeEdge;
  readonly clock: Clock;
  readonly log: Logger;
  /** The operating system's host name, for nodes whose `external_ids:hostname` is unset. */
  readonly osHostname: string;
  /** Called once, when the agent has done what it could (`StateReport`); with the status. */
  readonly onReady?: (status: string) => void;
  /** Hears one line of how the agent is doing, whenever it is another one. */
  readonly onStatus?: (text: string) => void;
  /** A supervisor that wants to hear regularly that the agent makes progress. */
  readonly watchdog?: { readonly intervalMs: number; readonly alive: () => void };
}

/** Kinds to read again at the short interval. */
const UNANNOUNCED = kindsWhere(({ unannounced }) => unannounced === true);

/** Proxy entries are few and quickly read: a missing one costs the reachability of an address. */
const PROXY_LOOK_MS = 500;

/**
 * frr-reload and deployment tools write FRR's configuration anew, without the agent's lines: nothing is announced until they
 * are back. bgpd prints its part in a millisecond.
 */
const FRR_LOOK_MS = 700;

/** A pass that takes longer hangs: the supervisor is no longer told that all is well. */
const HUNG_PASS_MS = 120_000;

const NO_SYSTEM_ID =
  'the local Open_vSwitch database has no external_ids:system-id; ovn-controller needs one as well';

/** Runs until the signal aborts. */
export async function runAgent(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const agent = new Agent(parts);
  try {
    await agent.run(signal);
  } finally {
    await agent.close();
  }
}

class Agent {
  readonly #parts: AgentParts;
  readonly #concerns: Concerns;
  readonly #node: Node;
  readonly #planner: Planner;
  readonly #grace: MigrationGrace;
  readonly #facts: FactsReader;
  readonly #changeLog: ChangeLog;
  readonly #reconciler: Reconciler;
  readonly #report: StateReport;
  #source: { readonly ovn: OvnSource; readonly identity: NodeIdentity } | undefined;
  #adopted: OvnSource | undefined;
  #problem: string | undefined;
  readonly #closed = new AbortController();
  readonly #cleanUp: (() => void)[] = [];
  #onFirstTopology: () => void = () => undefined;
  readonly #firstTopology = new Promise<void>((resolve) => {
    this.#onFirstTopology = resolve;
  });

  constructor(parts: AgentParts) {
    const { config, edge, clock, log } = parts;
    this.#parts = parts;
    this.#concerns = new Concerns(log, { clock });
    this.#node = new Node(edge, log, { concerns: this.#concerns });
    this.#grace = new MigrationGrace(config.migrationGraceSec, clock, (key) =>
      this.#reconciler.graceEnded(key),
    );
    this.#planner = new Planner(config, methodOf(config.exposingMethod), this.#grace);
    this.#facts = new FactsReader(edge, config, log, { clock, concerns: this.#concerns });
    this.#facts.former.follow(() => this.#reconciler.factsChanged());
    this.#changeLog = new ChangeLog(log, clock);
    const guard = new WithdrawGuard(
      {
        percent: config.withdrawGuardPercent,
        minimum: config.withdrawGuardMinimum,
        holdSec: config.withdrawGuardHoldSec,
      },
      clock,
      log,
    );
    this.#reconciler = new Reconciler({
      planner: this.#planner,
      node: this.#node,
      concerns: this.#concerns,
      guard,
      clock,
      log,
      changeLog: this.#changeLog,
      repairs: frrRepairs(edge, config, clock, log),
      handover: new MethodHandover(config, log),
      readFacts: async (signal) => {
        const facts = await this.#facts.read(signal);
        await resolveNextHops(edge.netlink, facts);
        return facts;
      },
      scopeOf: (facts) => this.#facts.scope(facts),
      forgetBridge: (name) => this.#facts.former.forget(name),
      onSettled: () => this.#report.settled(),
    });
    this.#report = new StateReport({
      know: () => this.#know(),
      clock,
      log,
      intervalMs: config.reconcileIntervalSec * 1000,
      onReady: () => this.#becomeReady(),
      onStatus: (text) => parts.onStatus?.(text),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { edge, log, watchdog } = this.#parts;
    if (watchdog !== undefined) {
      this.#every(watchdog.intervalMs, () => {
        if (this.#reconciler.busyMs < HUNG_PASS_MS) watchdog.alive();
      });
    }
    log.info({ ovsdb: this.#parts.config.ovsdbConnection }, 'waiting for the local Open_vSwitch database');
    await whenSnapshot(edge.ovs, signal);
    this.#cleanUp.push(
      edge.ovs.subscribe((event) => {
        if (event.kind === 'database') this.#vswitchChanged();
      }),
      this.#node.onDrift((kinds) => this.#reconciler.drifted(kinds)),
      this.#facts.followNeeds(() => this.#reconciler.factsChanged()),
    );
    if (this.#parts.config.exposingMethod === 'ovn') {
      this.#cleanUp.push(
        followLocalOvn(
          edge,
          (events) => this.#facts.concerns(events),
          () => this.#reconciler.factsChanged(),
        ),
      );
    }
    const unsubscribe = edge.frr.onZebraReturn?.(() => this.#reconciler.zebraReturned());
    if (unsubscribe !== undefined) this.#cleanUp.push(unsubscribe);
    this.#vswitchChanged();
    await Promise.race([this.#firstTopology, aborted(signal)]);
    if (signal.aborted) return;
    this.#startTimers();
    await this.#reconciler.run(signal);
  }

  #becomeReady(): void {
    this.#parts.onReady?.(statusText(this.#know()));
    // zebra may have been another one before this agent was there to see it.
    this.#reconciler.zebraReturned();
  }

  #know(): Known {
    const state = this.#reconciler.state();
    const wanted = this.#planner.wantedCount();
    const notAnnounced = Math.min(wanted, state.notAdvertised + this.#planner.waitingCount());
    const { edge } = this.#parts;
    const troubles = [...[edge.ovs.trouble?.()].filter(isPresent), ...(this.#source?.ovn.troubles() ?? [])];
    return { ...state, troubles, wanted, notAnnounced };
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#report.close();
    for (const end of this.#cleanUp) end();
    this.#grace.close();
    this.#changeLog.close();
    this.#node.close();
    this.#concerns.close();
    await this.#source?.ovn.close();
  }

  /** Follows the local database: another identity or other remotes mean another OVN source. */
  #vswitchChanged(): void {
    const { config, edge, log, osHostname } = this.#parts;
    const snapshot = edge.ovs.snapshot();
    if (snapshot === undefined) return;
    this.#reconciler.factsChanged();
    const identity = readIdentity(snapshot, osHostname);
    const places = ovnPlaces(config, snapshot);
    const problem = identity === undefined ? NO_SYSTEM_ID : places.ok ? undefined : places.problem;
    this.#tellProblem(problem);
    if (identity === undefined || !places.ok) return;
    const { database: remotes, bindings } = places;
    const current = this.#source;
    if (
      current?.ovn.remotes === remotes &&
      current.ovn.bindingsRemotes === bindings &&
      current.identity.hostname === identity.hostname &&
      current.identity.systemId === identity.systemId
    ) {
      return;
    }
    log.info({ remotes, ...identity, driver: config.driver }, 'reading the OVN database');
    const ovn = openOvnSource(
      config,
      places,
      identity,
      log,
      {
        changed: (affected, cause) => {
          if (this.#adopted === ovn) this.#reconciler.topologyChanged(affected, cause);
        },
      },
      this.#parts.clock,
    );
    this.#source = { ovn, identity };
    void current?.ovn.close();
    // Handed over with its first complete contents only: an empty replica is not an empty cloud.
    void ovn.whenSynchronized(this.#closed.signal).then(
      () => this.#adopt(ovn),
      () => undefined,
    );
  }

  /** Why the OVN database cannot be read now; told when it begins and when it ends. */
  #tellProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    const { log } = this.#parts;
    this.#problem = problem;
    if (problem === undefined) log.info({}, 'the local Open_vSwitch database says again where OVN is');
    else log.error({ problem }, 'waiting: the OVN database cannot be found; nothing is changed meanwhile');
  }

  #adopt(ovn: OvnSource): void {
    if (this.#source?.ovn !== ovn) return;
    this.#adopted = ovn;
    this.#planner.setTopology(ovn.topology);
    this.#reconciler.topologyChanged('all', 'snapshot');
    this.#onFirstTopology();
  }

  #startTimers(): void {
    const { config } = this.#parts;
    this.#every(config.reconcileIntervalSec * 1000, () => this.#reconciler.audit());
    this.#every(config.frrReconcileIntervalSec * 1000, () => this.#reconciler.recheck(UNANNOUNCED));
    this.#every(config.frrReconcileIntervalSec * 1000, () => void this.#facts.askForNeeds());
    this.#every(FRR_LOOK_MS, () => void this.#node.look('frr', this.#closed.signal));
    this.#every(PROXY_LOOK_MS, () => void this.#node.look('proxy-ndp', this.#closed.signal));
  }

  #every(intervalMs: number, action: () => void): void {
    const { clock } = this.#parts;
    let cancel = clock.after(intervalMs, function tick() {
      action();
      cancel = clock.after(intervalMs, tick);
    });
    this.#cleanUp.push(() => cancel());
  }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
