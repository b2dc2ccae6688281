/**
 * Bridges that the agent worked on and is not to work on any more: mapped before, in this life or in one before it.
 *
 * In: what the local switch has and which bridges are in use now. Out: names, for as long as something of the agent's is on
 * them. What was in use a moment ago is one without asking. At a start every other bridge of the switch is asked, beside
 * everything else, for what only the agent leaves there: flows with its cookie, addresses with its mark, its VLAN
 * devices. Settings below /proc/sys have no marks: where one of these stands, the settings of the bridge were the agent's, too.
 * A switch that does not answer is asked again at the next call.
 */
import { sortedBy } from '../base/order.ts';
import type { NodeEdge } from '../node/edge.ts';
import { AGENT_PROTOCOL, LINK_ALIAS } from '../node/objects.ts';

/** Of the flows that hand traffic to the kernel: where they are, the kernel answered for others. */
const HANDOVER_PRIORITY = 900;

type Edge = Pick<NodeEdge, 'netlink' | 'ovs'>;

/** Provider bridges, and those between the node's own OVN and the fabric. */
export interface BridgesInUse {
  readonly provider: readonly string[];
  readonly fabric: readonly string[];
}

export class FormerBridges {
  readonly #edge: Edge;
  #onFound: () => void = () => undefined;
  /** Whether the settings of its device were the agent's. */
  readonly #former = new Map<string, boolean>();
  /** Bridges that were asked, or in use, since the start. */
  readonly #known = new Set<string>();
  #used: BridgesInUse = { provider: [], fabric: [] };
  #asking: Promise<void> | undefined;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  /** Calls back when asking brought something to light. */
  follow(onFound: () => void): void {
    this.#onFound = onFound;
  }

  /** Sorted by name; `used`: the bridges in use now. */
  of(used: BridgesInUse): readonly { readonly name: string; readonly settings: boolean }[] {
    const { provider, fabric } = this.#used;
    for (const bridge of fabric) this.#former.set(bridge, false);
    for (const bridge of provider) this.#former.set(bridge, true);
    for (const bridge of [...used.provider, ...used.fabric]) {
      this.#former.delete(bridge);
      this.#known.add(bridge);
    }
    this.#used = used;
    return sortedBy(
      [...this.#former].map(([name, settings]) => ({ name, settings })),
      ({ name }) => name,
    );
  }

  get isEmpty(): boolean {
    return this.#former.size === 0;
  }

  /** Nothing of the agent's is on it any more. */
  forget(bridge: string): void {
    this.#former.delete(bridge);
  }

  /** Asks the bridges that were not asked yet; one at a time, never rejects. */
  ask(signal: AbortSignal): Promise<void> {
    this.#asking ??= this.#ask(signal).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { ovs } = this.#edge;
    const open = [...(ovs.snapshot()?.bridges.keys() ?? [])].filter((name) => !this.#known.has(name));
    if (open.length === 0) return;
    let found = false;
    try {
      const marked = await this.#markedDevices();
      for (const bridge of open) {
        const flows = await ovs.flows(bridge, signal);
        this.#known.add(bridge);
        if (this.#isInUse(bridge) || (flows.length === 0 && !marked.has(bridge))) continue;
        const isHandover = flows.some(({ priority }) => priority === HANDOVER_PRIORITY);
        this.#former.set(bridge, isHandover || marked.has(bridge));
        found = true;
      }
    } catch {
      // Whoever reads flows or devices for the node says why; what was not asked stays so.
    }
    if (found) this.#onFound();
  }

  #isInUse(bridge: string): boolean {
    return this.#used.provider.includes(bridge) || this.#used.fabric.includes(bridge);
  }

  /** Devices with an address of the agent's mark, or with a VLAN device of the agent's on them. */
  async #markedDevices(): Promise<ReadonlySet<string>> {
    const { netlink } = this.#edge;
    const [links, addresses] = [await netlink.links(), await netlink.addresses()];
    const names = new Map(links.map(({ index, name }) => [index, name]));
    const marked = new Set<string>();
    for (const { alias, kind, parent } of links) {
      const below = parent === undefined ? undefined : names.get(parent);
      if (alias === LINK_ALIAS && kind === 'vlan' && below !== undefined) marked.add(below);
    }
    for (const { index, protocol } of addresses) {
      const name = names.get(index);
      if (name !== undefined && protocol === AGENT_PROTOCOL) marked.add(name);
    }
    return marked;
  }
}
