/**
 * What a node needs to be a node: the addresses and networks that must never be steered away from it, nor announced by
 * it as somebody else's.
 *
 * In: needs as they were read of the node. Out: an index that says which of them a prefix would cover, or lie in. Pure
 * and unchanging: other needs are another object.
 */
import {
  compareIp,
  hostPrefix,
  type IpAddress,
  type Prefix,
  unannounceable,
  unmapped,
} from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { PrefixIndex } from '../base/prefix-index.ts';

/** In the order in which they are named: what costs the node most comes first. */
export const NEED_KINDS = [
  'database',
  'bgp-peer',
  'tunnel-endpoint',
  'next-hop',
  'own-address',
  'name-server',
  'router-id',
  'bgp-listen-range',
  'connected-network',
] as const;

export type NeedKind = (typeof NEED_KINDS)[number];

/** Networks that hold what the node may talk to, and not one address that it does. */
const NETWORKS: ReadonlySet<NeedKind> = new Set(['bgp-listen-range', 'connected-network']);

export interface NodeNeed {
  readonly kind: NeedKind;
  /** A host prefix, but for networks. */
  readonly prefix: Prefix;
  /** For people: `BGP peer`, `own address on eth0`, `database tcp:db1:6641`. */
  readonly what: string;
}

export class NodeNeeds {
  /** Nothing is known to be needed. */
  static readonly NONE = new NodeNeeds([]);

  /** Each once, in a fixed order. */
  readonly all: readonly NodeNeed[];
  readonly #index: PrefixIndex<NodeNeed>;

  constructor(needs: Iterable<NodeNeed>) {
    const unique = new Map(Array.from(needs, (need) => [needText(need), need]));
    this.all = [...unique]
      .sort(([a, left], [b, right]) => compareIp(left.prefix, right.prefix) || compareText(a, b))
      .map(([, need]) => need);
    this.#index = new PrefixIndex(this.all, ({ prefix }) => prefix);
  }

  /** What a prefix would cover: all that is inside it or equal to it. */
  inside(prefix: Prefix): readonly NodeNeed[] {
    return this.#index.inside(prefix);
  }

  /** What a prefix would lie in. */
  around(prefix: Prefix): readonly NodeNeed[] {
    return this.#index.around(prefix);
  }

  touches(prefix: Prefix): boolean {
    return this.#index.touches(prefix);
  }

  equals(other: NodeNeeds): boolean {
    return (
      this === other ||
      (this.all.length === other.all.length &&
        this.all.every((need, index) => {
          const rival = other.all[index];
          return rival !== undefined && needText(need) === needText(rival);
        }))
    );
  }

  /** The needs that only one of the two has. */
  difference(other: NodeNeeds): NodeNeeds {
    const [own, others] = [this, other].map(({ all }) => new Map(all.map((need) => [needText(need), need])));
    const changed: NodeNeed[] = [];
    for (const [text, need] of own ?? []) if (others?.has(text) !== true) changed.push(need);
    for (const [text, need] of others ?? []) if (own?.has(text) !== true) changed.push(need);
    return new NodeNeeds(changed);
  }
}

/** The need of one address; none where nobody could ever expose it. */
export function addressNeed(kind: NeedKind, address: IpAddress, what: string): readonly NodeNeed[] {
  return networkNeed(kind, hostPrefix(unmapped(address)), what);
}

export function networkNeed(kind: NeedKind, prefix: Prefix, what: string): readonly NodeNeed[] {
  return unannounceable(prefix) === undefined ? [{ kind, prefix, what }] : [];
}

export function isNeededNetwork({ kind }: NodeNeed): boolean {
  return NETWORKS.has(kind);
}

function needText({ kind, prefix, what }: NodeNeed): string {
  return `${kind} ${prefix} ${what}`;
}
