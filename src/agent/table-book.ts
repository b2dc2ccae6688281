/**
 * The routing tables of the mapped bridges, for as long as the agent runs.
 *
 * In: the bridges, what the kernel and the files say. Out: a number for each bridge or why it has none, and what counts as
 * the predecessor's. The kernel is looked at once, and again when bridges, names or VRFs change: numbers and verdicts stay
 * while nothing of that does, so that what others do to a table in use never moves it. A number is free when no name, rule,
 * VRF or route of either family uses it; what only FRR's configuration names (`ip import-table`) and nothing uses is not
 * seen. Fails when the kernel or the files cannot be read and nothing is known yet.
 */
import type { AgentConfig } from '../config/types.ts';
import type { NodeEdge, RtTableEntry } from '../node/edge.ts';
import type { Adopted } from '../node/objects.ts';
import { type Survey, surveyNode } from '../node/survey.ts';
import { assignTables, tableProblem } from '../wiring/routing-tables.ts';

export interface TableFacts {
  readonly numbers: ReadonlyMap<string, number>;
  /** Why a bridge has no number. */
  readonly problems: ReadonlyMap<string, string>;
  readonly adopted: Adopted;
  /** Bridges of which the node held something of the agent's or its predecessor's when it was looked at. */
  readonly worked: ReadonlySet<string>;
}

export class TableBook {
  readonly #edge: NodeEdge;
  readonly #config: AgentConfig;
  #last: { readonly key: string; readonly facts: TableFacts } | undefined;

  constructor(edge: NodeEdge, config: AgentConfig) {
    this.#edge = edge;
    this.#config = config;
  }

  /** `vrfTables`: tables of the kernel's VRF devices. What was known stays when it cannot be looked at again. */
  async read(
    bridges: readonly string[],
    vrfTables: Iterable<number>,
    signal: AbortSignal,
  ): Promise<TableFacts> {
    try {
      return await this.#read(bridges, vrfTables, signal);
    } catch (error) {
      const last = this.#last?.facts;
      if (last === undefined || signal.aborted || bridges.some((bridge) => !isKnown(last, bridge)))
        throw error;
      return last;
    }
  }

  async #read(
    bridges: readonly string[],
    vrfTables: Iterable<number>,
    signal: AbortSignal,
  ): Promise<TableFacts> {
    const names = await this.#edge.files.readTableNames();
    const last = this.#last;
    if (last !== undefined && last.key === this.#key(bridges, names, vrfTables, last.facts.numbers))
      return last.facts;
    const facts = await this.#look(bridges, names, signal);
    // The names that count are those beside the lines for the numbers that were just chosen.
    this.#last = { key: this.#key(bridges, names, vrfTables, facts.numbers), facts };
    return facts;
  }

  async #look(
    bridges: readonly string[],
    names: readonly RtTableEntry[],
    signal: AbortSignal,
  ): Promise<TableFacts> {
    const { netlink, frr } = this.#edge;
    const { bgpVrf, bgpNic, bgpVrfTableId: bgpVrfTable, bgpAs } = this.#config;
    const survey = await surveyNode({
      netlink,
      bridges,
      names,
      bgpVrf,
      bgpNic,
      bgpVrfTable,
      hasStanza: async () => {
        const stanzas = await frr.stanzas({ as: bgpAs, vrf: bgpVrf }, signal).catch(() => []);
        return stanzas.some(({ id }) => id === 'leak');
      },
    });
    signal.throwIfAborted();
    const before = this.#last?.facts;
    const held = new Map([...survey.held, ...(before?.numbers ?? [])]);
    const used = new Set(survey.used);
    for (const number of held.values()) used.delete(number);
    const numbers = await this.#assign(bridges, names, { ...survey, held, used });
    const problems = new Map<string, string>();
    for (const bridge of bridges) {
      if (!numbers.has(bridge)) problems.set(bridge, tableProblem(names, bridge, survey.taken));
    }
    return {
      numbers,
      problems,
      adopted: merged(before?.adopted, survey.adopted),
      worked: new Set([...(before?.worked ?? []), ...survey.worked]),
    };
  }

  /** Routes without a name, rule or VRF are found by asking for those of each number that would be chosen. */
  async #assign(
    bridges: readonly string[],
    names: readonly RtTableEntry[],
    { taken, held, used }: Pick<Survey, 'taken' | 'held'> & { readonly used: Set<number> },
  ): Promise<ReadonlyMap<string, number>> {
    const tried = new Set<number>(held.values());
    for (;;) {
      const numbers = assignTables(names, bridges, taken.keys(), { held, used });
      const fresh = [...numbers].filter(
        ([bridge, number]) => !tried.has(number) && !names.some(({ name }) => name === bridge),
      );
      if (fresh.length === 0) return numbers;
      for (const [, number] of fresh) {
        tried.add(number);
        if ((await this.#edge.netlink.routes({ table: number })).length > 0) used.add(number);
      }
    }
  }

  /** What would have to be looked at again if it changed; the lines that the agent writes itself are no news. */
  #key(
    bridges: readonly string[],
    names: readonly RtTableEntry[],
    vrfTables: Iterable<number>,
    numbers: ReadonlyMap<string, number>,
  ): string {
    const others = names.filter(({ name, number }) => numbers.get(name) !== number);
    const vrfs = [...vrfTables].filter((table) => table !== this.#config.bgpVrfTableId);
    return JSON.stringify([bridges, others, vrfs.sort((a, b) => a - b)]);
  }
}

function isKnown({ numbers, problems }: TableFacts, bridge: string): boolean {
  return numbers.has(bridge) || problems.has(bridge);
}

/** Once adopted, always adopted: what the agent itself changes must not make it forget the rest. */
function merged(before: Adopted | undefined, now: Adopted): Adopted {
  if (before === undefined) return now;
  return {
    tables: new Set([...before.tables, ...now.tables]),
    devices: new Set([...before.devices, ...now.devices]),
    vrf: before.vrf || now.vrf,
    ...(before.markVrf === true || now.markVrf === true ? { markVrf: true as const } : {}),
  };
}
