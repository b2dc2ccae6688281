/**
 * Has the kernel look for the MAC addresses of next hops that the node's own OVN needs.
 *
 * The kernel resolves a next hop when it sends something there itself. Where BGP runs between addresses of the link FRR
 * still gives IPv6 routes the leaf's link-local address, which the node may never talk to.
 *
 * In: facts. Out: nothing; an answer comes as a change of the neighbour table. A next hop that does not answer is asked for
 * again with the next reading of the facts. Failures are not thrown: the missing address is told of where it is missed.
 */
import type { Rtnetlink } from '../netlink/types.ts';
import type { NodeFacts } from '../wiring/types.ts';

/** NTF_USE of linux/neighbour.h: as if a packet were to be sent. */
const USE = 0x01;
const NUD_NONE = 0;

export async function resolveNextHops(
  netlink: Pick<Rtnetlink, 'links' | 'batch'>,
  { localOvn }: Pick<NodeFacts, 'localOvn'>,
): Promise<void> {
  const unknown = (localOvn?.nextHops ?? []).filter(({ mac }) => mac === undefined);
  if (unknown.length === 0) return;
  const indexes = new Map((await netlink.links()).map(({ name, index }) => [name, index]));
  await netlink.batch(
    unknown.flatMap(({ device, via }) => {
      const index = indexes.get(device);
      const family = via.includes(':') ? 6 : 4;
      const neighbor = { family, address: via, state: NUD_NONE, flags: USE } as const;
      return index === undefined
        ? []
        : [{ type: 'neighbor', op: 'replace', neighbor: { ...neighbor, index } } as const];
    }),
  );
}
