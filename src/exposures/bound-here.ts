/**
 * Whether a port's own node is this one: what is exposed where the port is, is exposed for as long as this holds.
 *
 * In: where the port is, and which ports have a migration grace. Out: yes with the words for it, or a refusal.
 */
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { CandidateKey, Residence, RowReference } from '../ovn/topology.ts';
import type { DenialCode, ExposurePolicy } from './types.ts';
import type { Refused } from './verdict.ts';

export interface Placed {
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly residence: Residence;
}

export type Bound = { readonly ok: true; readonly note: string } | Refused;

export function boundHere({ key, row, residence }: Placed, policy: ExposurePolicy): Bound {
  const refused = (code: DenialCode, why: string): Refused => ({
    ok: false,
    code,
    fault: false,
    message: `${describeRow(row)} is ${why}`,
  });
  switch (residence.kind) {
    case 'here':
      return { ok: true, note: 'bound to this node and up' };
    case 'migrating':
      return { ok: true, note: 'being migrated from or to this node' };
    case 'down':
      return policy.graced.has(key)
        ? { ok: true, note: 'just migrated to this node, not up yet' }
        : refused('not-up', 'bound to this node but not up');
    case 'elsewhere':
      return refused('not-bound-here', `bound to ${quote(residence.node)}`);
    case 'nowhere':
      return refused('not-bound-here', 'bound to no node');
    default:
      return residence satisfies never;
  }
}
