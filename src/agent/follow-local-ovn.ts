/**
 * Notices what the facts of the node's own OVN depend on: in the kernel the carrier and addresses of the fabric bridges,
 * default routes and the leafs' MAC addresses; in its database whether there is one and what BFD says.
 *
 * In: the edges, a judge of kernel events. Out: a call whenever the facts may be others; they are then read again. The
 * returned function ends it.
 */
import type { KernelEvent } from '../netlink/types.ts';
import type { NodeEdge } from '../node/edge.ts';

export function followLocalOvn(
  edge: Pick<NodeEdge, 'netlink' | 'localOvn'>,
  concerns: (events: readonly KernelEvent[]) => boolean,
  changed: () => void,
): () => void {
  const ends = [
    edge.netlink.subscribe(
      (events) => {
        if (concerns(events)) changed();
      },
      { kinds: ['link', 'address', 'route', 'neighbor'] },
    ),
    edge.localOvn?.subscribe((event) => {
      if (event === 'changed') changed();
    }),
  ];
  return () => {
    for (const end of ends) end?.();
  };
}
