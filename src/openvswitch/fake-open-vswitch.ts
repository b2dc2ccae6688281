/**
 * Open vSwitch for tests: bridges, ports and flows in memory, with the behaviour that callers can notice.
 *
 * In: the calls of `OpenVSwitch`, plus handles that do what happens to a real switch: bridges come and go, vswitchd
 * restarts without its flows, somebody edits flows, a change is refused. Out: a new snapshot for every change, canonical
 * flows, events in a microtask (the real ones come from sockets, never from inside a call). Flow changes are all or
 * nothing, ports that the agent did not make are refused: the same `OvsError`s as the real edge.
 */
import { Freezer } from '../base/testing-freezer.ts';
import { OvsError } from './errors.ts';
import { canonicalFlow, flowKey, formatBundle, isInPlace } from './flows.ts';
import {
  AGENT_COOKIE,
  type Flow,
  type FlowChange,
  type OpenVSwitch,
  type OvsBridge,
  type OvsPort,
  type OvsSnapshot,
  PORT_OWNER_KEY,
  type StaticFdbEntry,
} from './types.ts';

type OvsEvent = { readonly kind: 'database' } | { readonly kind: 'flows'; readonly bridge: string };

const EMPTY: OvsSnapshot = {
  systemId: undefined,
  hostname: undefined,
  bridgeMappings: '',
  integrationBridge: 'br-int',
  ovnRemote: undefined,
  ovnNbRemote: undefined,
  bridges: new Map(),
  externalIds: new Map(),
};

export class FakeOpenVSwitch implements OpenVSwitch {
  /** Every bundle that was applied, in order. */
  readonly bundles: { readonly bridge: string; readonly changes: readonly FlowChange[] }[] = [];
  /** Every port that was made, corrected or removed, in order. */
  readonly portChanges: {
    readonly op: 'ensure' | 'remove';
    readonly bridge: string;
    readonly port: string;
  }[] = [];
  /** Every static MAC table entry that was made or removed, in order. */
  readonly fdbChanges: { readonly op: 'add' | 'remove'; readonly bridge: string; readonly mac: string }[] =
    [];
  readonly #flows = new Map<string, Map<string, Flow>>();
  readonly #fdb = new Map<string, Map<string, StaticFdbEntry>>();
  readonly #macs = new Map<string, string>();
  readonly #listeners = new Set<(event: OvsEvent) => void>();
  readonly #failures: OvsError[] = [];
  #watched: ReadonlySet<string> = new Set();
  readonly #freezer = new Freezer();
  #snapshot: OvsSnapshot | undefined;

  constructor(snapshot?: Partial<OvsSnapshot>) {
    this.#snapshot = snapshot === undefined ? undefined : { ...EMPTY, ...snapshot };
  }

  snapshot(): OvsSnapshot | undefined {
    return this.#snapshot;
  }

  async flows(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    await this.#answer(signal);
    if (!this.#bridges().has(bridge)) return [];
    return [...this.#table(bridge).values()].filter((flow) => flow.cookie === AGENT_COOKIE);
  }

  async flowPlaces(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    signal?.throwIfAborted();
    if (!this.#bridges().has(bridge)) return [];
    return [...this.#table(bridge).values()].filter(isInPlace);
  }

  async applyFlows(bridge: string, changes: readonly FlowChange[], signal?: AbortSignal): Promise<void> {
    await this.#answer(signal);
    if (changes.length === 0) return;
    this.#bridge(bridge);
    formatBundle(changes);
    this.#failIfAsked();
    const table = this.#table(bridge);
    for (const { op, flow } of changes) {
      const key = flowKey(flow);
      if (op === 'add') table.set(key, canonicalFlow(flow));
      else if (table.get(key)?.cookie === flow.cookie) table.delete(key);
    }
    this.bundles.push({ bridge, changes });
    this.#flowsChanged(bridge);
  }

  async staticFdb(bridge: string, signal?: AbortSignal): Promise<readonly StaticFdbEntry[]> {
    await this.#answer(signal);
    return this.#bridges().has(bridge) ? [...(this.#fdb.get(bridge)?.values() ?? [])] : [];
  }

  async addStaticFdb(bridge: string, entry: StaticFdbEntry, signal?: AbortSignal): Promise<void> {
    await this.#answer(signal);
    this.#bridge(bridge);
    this.#failIfAsked();
    this.#fdbOf(bridge).set(`${entry.vlan} ${entry.mac}`, entry);
    this.fdbChanges.push({ op: 'add', bridge, mac: entry.mac });
  }

  async removeStaticFdb(bridge: string, entry: StaticFdbEntry, signal?: AbortSignal): Promise<void> {
    await this.#answer(signal);
    this.#bridge(bridge);
    this.#failIfAsked();
    this.#fdbOf(bridge).delete(`${entry.vlan} ${entry.mac}`);
    this.fdbChanges.push({ op: 'remove', bridge, mac: entry.mac });
  }

  async ensureInternalPort(
    bridge: string,
    port: { readonly name: string; readonly tag: number; readonly mac: string },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#answer(signal);
    const { ports } = this.#bridge(bridge);
    const held = ports.get(port.name);
    if (held !== undefined && !held.externalIds.has(PORT_OWNER_KEY)) {
      throw new OvsError(
        'foreign',
        bridge,
        `port ${port.name} of bridge ${bridge} was not made by the agent`,
      );
    }
    this.#failIfAsked();
    if (held?.tag === port.tag && this.#macs.get(port.name) === port.mac) return;
    this.#macs.set(port.name, port.mac);
    this.portChanges.push({ op: 'ensure', bridge, port: port.name });
    this.setPort(bridge, {
      name: port.name,
      type: 'internal',
      tag: port.tag,
      ofport: held?.ofport ?? this.#freeOfport(bridge),
      externalIds: new Map([[PORT_OWNER_KEY, 'vlan']]),
    });
  }

  async removePort(bridge: string, port: string, signal?: AbortSignal): Promise<void> {
    await this.#answer(signal);
    const held = this.#bridges().get(bridge)?.ports.get(port);
    if (held === undefined) return;
    if (!held.externalIds.has(PORT_OWNER_KEY)) {
      throw new OvsError('foreign', bridge, `port ${port} of bridge ${bridge} was not made by the agent`);
    }
    this.#failIfAsked();
    this.portChanges.push({ op: 'remove', bridge, port });
    this.deletePort(bridge, port);
  }

  subscribe(listener: (event: OvsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  watchFlows(bridges: readonly string[]): void {
    this.#watched = new Set(bridges);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** Bridges that the caller asked to watch, sorted. */
  watched(): readonly string[] {
    return [...this.#watched].sort();
  }

  /** The MAC address that an internal port of the agent was given. */
  macOf(port: string): string | undefined {
    return this.#macs.get(port);
  }

  /** Changes values of the `Open_vSwitch` row, or everything. */
  set(snapshot: Partial<OvsSnapshot>): void {
    this.#snapshot = { ...(this.#snapshot ?? EMPTY), ...snapshot };
    this.#emit({ kind: 'database' });
  }

  /** Makes a bridge with the ports given (or none), replacing one of that name. */
  setBridge(name: string, ports: readonly OvsPort[] = [], datapathType = 'system'): void {
    this.#setBridge({ name, datapathType, ports: new Map(ports.map((port) => [port.name, port])) });
  }

  /** A deleted bridge takes its flows along. */
  deleteBridge(name: string): void {
    const bridges = new Map(this.#bridges());
    if (!bridges.delete(name)) return;
    this.#flows.delete(name);
    this.#fdb.delete(name);
    this.set({ bridges });
    this.#flowsChanged(name);
  }

  setPort(bridge: string, port: OvsPort): void {
    const held = this.#bridge(bridge);
    this.#setBridge({ ...held, ports: new Map(held.ports).set(port.name, port) });
  }

  deletePort(bridge: string, port: string): void {
    const held = this.#bridge(bridge);
    const ports = new Map(held.ports);
    if (ports.delete(port)) this.#setBridge({ ...held, ports });
  }

  /** vswitchd restarted: the flows and static MAC table entries of every bridge are gone. */
  restart(): void {
    const bridges = [...new Set([...this.#flows.keys(), ...this.#fdb.keys()])];
    this.#flows.clear();
    this.#fdb.clear();
    for (const bridge of bridges) this.#flowsChanged(bridge);
  }

  /** vswitchd is stopped in its tracks: everything that is asked of it hangs until `thaw`. */
  freeze(): void {
    this.#freezer.freeze();
  }

  thaw(): void {
    this.#freezer.thaw();
  }

  /** Somebody edits flows with ovs-ofctl. */
  tamper(bridge: string, changes: readonly FlowChange[]): void {
    const table = this.#table(bridge);
    for (const { op, flow } of changes) {
      if (op === 'add') table.set(flowKey(flow), canonicalFlow(flow));
      else table.delete(flowKey(flow));
    }
    this.#flowsChanged(bridge);
  }

  /** All flows of a bridge, also those of others. */
  allFlows(bridge: string): readonly Flow[] {
    return [...this.#table(bridge).values()];
  }

  /** The next change of flows or ports fails with this and changes nothing; several queue up. */
  failNext(error = new OvsError('rejected', undefined, 'refused (injected by a test)')): void {
    this.#failures.push(error);
  }

  async #answer(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await this.#freezer.pass();
  }

  #bridges(): ReadonlyMap<string, OvsBridge> {
    return this.#snapshot?.bridges ?? EMPTY.bridges;
  }

  #bridge(name: string): OvsBridge {
    const bridge = this.#bridges().get(name);
    if (bridge === undefined) throw new OvsError('no-bridge', name, `there is no bridge ${name}`);
    return bridge;
  }

  #setBridge(bridge: OvsBridge): void {
    this.set({ bridges: new Map(this.#bridges()).set(bridge.name, bridge) });
  }

  #table(bridge: string): Map<string, Flow> {
    const table = this.#flows.get(bridge) ?? new Map<string, Flow>();
    this.#flows.set(bridge, table);
    return table;
  }

  #fdbOf(bridge: string): Map<string, StaticFdbEntry> {
    const entries = this.#fdb.get(bridge) ?? new Map<string, StaticFdbEntry>();
    this.#fdb.set(bridge, entries);
    return entries;
  }

  #freeOfport(bridge: string): number {
    const used = new Set([...this.#bridge(bridge).ports.values()].map(({ ofport }) => ofport));
    let port = 1;
    while (used.has(port)) port++;
    return port;
  }

  #failIfAsked(): void {
    const failure = this.#failures.shift();
    if (failure !== undefined) throw failure;
  }

  #flowsChanged(bridge: string): void {
    if (this.#watched.has(bridge)) this.#emit({ kind: 'flows', bridge });
  }

  #emit(event: OvsEvent): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(event);
    });
  }
}
