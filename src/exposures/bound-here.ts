/**
 * Whether a port's own node is this one: what is exposed where the port is, is exposed for as long as this holds.
 * Addresses of a port are delivered to all nodes of a live migration; its floating IP is translated by one of them.
 *
 * In: where the port is, and which ports have a migration grace. Out: yes with the words for it, or a refusal. A place that
 * is not known yet is assumed to be here: whoever holds the exposures keeps of these what stands.
 */
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { CandidateKey, Residence, RowReference } from '../ovn/topology.ts';
import type { DenialCode, ExposurePolicy, Reason } from './types.ts';
import type { Refused } from './verdict.ts';

export interface Placed {
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly residence: Residence;
}

/** `because`: what of the port's row counted. */
export type Bound = { readonly ok: true; readonly because: Pick<Reason, 'note' | 'assumed'> } | Refused;

/** The words for a place that is assumed. */
export const ASSUMED_HERE: Pick<Reason, 'note' | 'assumed'> = {
  note: 'its place is not known yet: only the Southbound database tells',
  assumed: true,
};

/** Whether OVN translates here for a port with a floating IP. */
export function translatedHere(placed: Placed, policy: ExposurePolicy): Bound {
  const { row, residence } = placed;
  if (residence.kind !== 'migrating' || residence.main) return boundHere(placed, policy);
  return refused(
    row,
    'not-bound-here',
    'being migrated to this node: OVN translates on the old one until then',
  );
}

/** Whether OVN delivers here to a port. */
export function boundHere({ key, row, residence }: Placed, policy: ExposurePolicy): Bound {
  switch (residence.kind) {
    case 'here':
      return yes('bound to this node and up');
    case 'migrating':
      return yes('being migrated from or to this node');
    case 'down':
      return policy.graced.has(key)
        ? yes('just migrated to this node, not up yet')
        : refused(row, 'not-up', 'bound to this node but not up');
    case 'elsewhere':
      return refused(row, 'not-bound-here', `bound to ${quote(residence.node)}`);
    case 'nowhere':
      return refused(row, 'not-bound-here', 'bound to no node');
    case 'unknown':
      return { ok: true, because: ASSUMED_HERE };
    default:
      return residence satisfies never;
  }
}

function yes(note: string): Bound {
  return { ok: true, because: { note } };
}

function refused(row: RowReference, code: DenialCode, why: string): Refused {
  return { ok: false, code, fault: false, message: `${describeRow(row)} is ${why}` };
}
