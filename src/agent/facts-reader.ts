/**
 * Collects the facts that wiring is computed from: bridges of the local vswitchd, their kernel devices, routing table
 * numbers, what the kernel can do, FRR's router id.
 *
 * Every call reads anew and returns the previous object when nothing differs, so that "same object" means "same facts".
 * What cannot be told right now (FRR does not answer, `external_ids` emptied) keeps its last value.
 */
import type { IpAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { sortedBy } from '../base/order.ts';
import type { AgentConfig } from '../config/types.ts';
import type { NodeNeeds } from '../exposures/needs.ts';
import type { KernelEvent } from '../netlink/types.ts';
import { Concerns } from '../node/concerns.ts';
import type { NodeEdge } from '../node/edge.ts';
import { kernelFacts } from '../node/kernel-facts.ts';
import type { NodeScope } from '../node/objects.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import type { LocalOvnFacts, NodeFacts } from '../wiring/types.ts';
import { FormerBridges } from './former-bridges.ts';
import { LocalOvnFactsReader } from './local-ovn-facts.ts';
import { localOvnKeys } from './local-ovn-keys.ts';
import { NeedsReader } from './needs/needs-reader.ts';
import { mappedBridges, mappingWarnings, nodeFacts, nodeScope } from './node-facts.ts';
import { TableBook } from './table-book.ts';

/** What people and ovn-controller write there, as against what the switch is like. */
type Statements = Pick<OvsSnapshot, 'bridgeMappings' | 'integrationBridge' | 'externalIds'>;

export class FactsReader {
  readonly former: FormerBridges;
  readonly #edge: NodeEdge;
  readonly #config: AgentConfig;
  readonly #log: Logger;
  readonly #concerns: Concerns;
  #last: NodeFacts | undefined;
  #routerId: IpAddress | undefined;
  #warned: ReadonlySet<string> = new Set();
  #said: Statements | undefined;
  readonly #localOvn: LocalOvnFactsReader;
  readonly #tables: TableBook;
  #localWarnings = '';
  readonly #needs: NeedsReader;
  #routerIdProblem = '';

  /** `concerns`: absent, everybody is waited for. */
  constructor(
    edge: NodeEdge,
    config: AgentConfig,
    log: Logger,
    { clock, concerns }: { readonly clock?: Clock; readonly concerns?: Concerns } = {},
  ) {
    this.former = new FormerBridges(edge);
    this.#edge = edge;
    this.#config = config;
    this.#log = log;
    this.#concerns = concerns ?? new Concerns(log, { patient: true });
    this.#routerId = config.bgpRouterId;
    this.#localOvn = new LocalOvnFactsReader(edge, config);
    this.#tables = new TableBook(edge, config);
    this.#needs = new NeedsReader(edge, config, log, clock);
  }

  async read(signal: AbortSignal): Promise<NodeFacts> {
    const found = this.#edge.ovs.snapshot();
    if (found === undefined) throw new Error('the local Open_vSwitch database has not been read yet');
    const snapshot = this.#withStatements(found);
    this.#warnOfMappings(snapshot);
    const used = mappedBridges(snapshot.bridgeMappings, this.#config);
    const former = this.former.of({ provider: used, fabric: this.#fabric(snapshot) });
    void this.former.ask(signal);
    const bridges = [...used, ...former.map(({ name }) => name)];
    const kernel = await kernelFacts(this.#edge, bridges);
    const tables = await this.#tables.read(bridges, kernel.vrfTables, signal);
    const routerId = await this.#readRouterId(signal);
    const localOvn = await this.#readLocalOvn(snapshot, used);
    const needs = await this.#needs.read(snapshot, bridges, signal);
    return this.#remember({
      ...nodeFacts({ snapshot, kernel, tables, routerId, localOvn, former }, this.#config),
      needs,
    });
  }

  /** Calls back whenever what the node needs may have changed; the returned function ends it. */
  followNeeds(changed: () => void): () => void {
    return this.#needs.follow(changed);
  }

  /** Asks for needs that nobody tells of when they change; to be called now and then. */
  async askForNeeds(): Promise<void> {
    await this.#needs.ask();
  }

  /** True when the kernel reports something that the facts depend on. */
  concerns(events: readonly KernelEvent[]): boolean {
    return events.some((event) => this.#localOvn.concerns(event));
  }

  /** Fixed names and numbers of this node, for the rooms that must know what is the agent's. */
  scope(facts: NodeFacts): NodeScope {
    return nodeScope(this.#config, facts);
  }

  /** A database that does not say who this node is says nothing of it: what it said last counts on. */
  #withStatements(snapshot: OvsSnapshot): OvsSnapshot {
    if (snapshot.systemId === undefined && this.#said !== undefined) return { ...snapshot, ...this.#said };
    const { systemId, bridgeMappings, integrationBridge, externalIds } = snapshot;
    if (systemId !== undefined) this.#said = { bridgeMappings, integrationBridge, externalIds };
    return snapshot;
  }

  async #readLocalOvn(snapshot: OvsSnapshot, bridges: readonly string[]): Promise<LocalOvnFacts | undefined> {
    const result = await this.#localOvn.read(snapshot, bridges);
    const text = result?.warnings.join('\n') ?? '';
    if (text !== this.#localWarnings)
      for (const warning of result?.warnings ?? []) this.#log.warn({}, warning);
    this.#localWarnings = text;
    return result?.facts;
  }

  /** Bridges of the node's own OVN, if it has one. */
  #fabric(snapshot: OvsSnapshot): readonly string[] {
    return localOvnKeys(snapshot, this.#config.localOvnCluster.bgpChassisId).bridges;
  }

  /** Each once, for as long as it is true. */
  #warnOfMappings(snapshot: OvsSnapshot): void {
    const warnings = mappingWarnings(snapshot, this.#config);
    for (const warning of warnings) {
      if (!this.#warned.has(warning)) this.#log.warn({ mappings: snapshot.bridgeMappings }, warning);
    }
    this.#warned = new Set(warnings);
  }

  async #readRouterId(signal: AbortSignal): Promise<IpAddress | undefined> {
    if (this.#config.bgpRouterId !== undefined) return this.#config.bgpRouterId;
    // Only the VRF instance needs one; the default instance has its own.
    if (this.#config.advertiseVia === 'main') return undefined;
    try {
      const answer = await this.#concerns.ask('bgpd', 'router id', () => this.#edge.frr.routerId(signal));
      if (answer.answered) this.#routerId = answer.value ?? this.#routerId;
      this.#routerIdProblem = '';
    } catch (error) {
      if (signal.aborted) throw error;
      this.#tellRouterIdProblem(error);
    }
    return this.#routerId;
  }

  /** Once for each problem: the facts are read again whenever something happens. */
  #tellRouterIdProblem(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem === this.#routerIdProblem) return;
    this.#routerIdProblem = problem;
    this.#log.warn({ problem }, 'the router id cannot be read from FRR; the last known one is kept');
  }

  #remember(facts: NodeFacts & { readonly needs: NodeNeeds }): NodeFacts {
    if (this.#last !== undefined && factsText(this.#last) === factsText(facts)) {
      // Members that are the same objects say that nothing is to be wired anew.
      if (this.#last.needs !== facts.needs) this.#last = { ...this.#last, needs: facts.needs };
      return this.#last;
    }
    this.#last = facts;
    return facts;
  }
}

/** Equal for facts that differ at most in the needs. */
function factsText(facts: NodeFacts): string {
  const bridges = [...facts.bridges.values()].map((bridge) => ({
    ...bridge,
    ofports: sortedBy(bridge.ofports, ([name]) => name),
  }));
  const local = facts.localOvn;
  const localOvn =
    local === undefined
      ? undefined
      : {
          ...local,
          bridges: [...local.bridges.values()],
          peerMacs: [...local.peerMacs],
          bfdStatus: [...local.bfdStatus],
        };
  const { tables, tableProblems, adopted } = facts;
  const routing = [
    [...tables],
    [...(tableProblems ?? [])],
    adopted === undefined ? [] : [[...adopted.tables], [...adopted.devices], adopted.vrf],
  ];
  return JSON.stringify({ ...facts, needs: undefined, bridges, localOvn, routing });
}
