/**
 * Claims of several rows on one address: one wins, by kind and then by name, whatever order they arrived in.
 *
 * In: exposures of the same address. Out: the winner, and for each other one a denial that names both rows.
 */
import type { Prefix } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { describeRow } from '../ovn/describe.ts';
import type { RowReference } from '../ovn/topology.ts';
import type { Denial, Exposure, ExposureKind } from './types.ts';

/**
 * Higher wins. What serves many outranks what serves one: gateway ports, then floating IPs, then load balancers, then
 * single ports; the gaps are for the kinds between.
 */
const RANK: Readonly<Record<ExposureKind, number>> = {
  gateway: 90,
  'central-floating-ip': 80,
  'vip-floating-ip': 70,
  'floating-ip': 60,
  'port-forwarding': 50,
  vip: 40,
  'virtual-port': 30,
  'provider-port': 30,
  'external-port': 30,
  'tenant-subnet': 20,
  'tenant-vip': 10,
  'tenant-host': 10,
};

export interface Resolution {
  readonly winner: Exposure;
  readonly denials: readonly Denial[];
}

/** Settles the claims on one address; there must be at least one. */
export function resolveConflict(claims: readonly Exposure[]): Resolution {
  const [winner, ...losers] = [...claims].sort(compareClaims);
  if (winner === undefined) throw new TypeError('a conflict needs at least one claim');
  return { winner, denials: losers.map((loser) => denialOf(loser, winner)) };
}

/**
 * Why a claim inside a subnet does not count: the subnet that carries it is exposed for another attachment, or not at
 * all. `undefined`: it counts. To be asked before conflicts are settled.
 */
export function coverage(
  claim: Exposure,
  winnerOf: (subnet: Prefix) => Exposure | undefined,
): Denial | undefined {
  const { delivery } = claim;
  if (delivery.type !== 'covered') return undefined;
  const winner = winnerOf(delivery.subnet);
  if (winner?.candidate === delivery.by) return undefined;
  const row = claimant(claim);
  const instead =
    winner === undefined
      ? `subnet ${delivery.subnet} is not exposed on this node`
      : `subnet ${delivery.subnet} is exposed for ${describeRow(claimant(winner))}, which claims the same prefix`;
  return {
    candidate: claim.candidate,
    row,
    address: claim.address,
    code: 'not-covered',
    fault: false,
    message: `${describeRow(row)}: ${claim.address} is not announced, because ${instead}`,
  };
}

function denialOf(loser: Exposure, winner: Exposure): Denial {
  const [row, other] = [claimant(loser), claimant(winner)];
  return {
    candidate: loser.candidate,
    row,
    address: loser.address,
    code: 'conflict',
    // Two claims that would be wired alike do no harm.
    fault: wiringText(loser) !== wiringText(winner),
    message:
      `${describeRow(row)} and ${describeRow(other)} both claim ${loser.address}; the latter is served. ` +
      'Give one of them another address.',
  };
}

/** The row that makes the claim comes first among the reasons. */
function claimant(exposure: Exposure): RowReference {
  const reason = exposure.because[0];
  if (reason === undefined) throw new TypeError(`the exposure of ${exposure.address} has no reason`);
  return reason.row;
}

function compareClaims(a: Exposure, b: Exposure): number {
  const [left, right] = [claimant(a), claimant(b)];
  return (
    RANK[b.kind] - RANK[a.kind] ||
    compareText(left.name ?? '', right.name ?? '') ||
    compareText(left.uuid, right.uuid)
  );
}

function wiringText(exposure: Exposure): string {
  return JSON.stringify([exposure.network.bridge, exposure.network.vlan, exposure.delivery]);
}
