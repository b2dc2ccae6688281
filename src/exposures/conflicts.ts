/**
 * Claims of several rows on one prefix: one wins, by kind and then by name, whatever order they arrived in; an address
 * inside a tenant subnet counts only while that subnet is served for the network that it is in.
 *
 * In: exposures of the same prefix, and who wins other prefixes. Out: the winner if any, and for each other one a denial
 * that names both rows; one that only assumes where it is yields to one that knows. Claims that rely on another prefix never win what others rely on, so the order in which prefixes
 * are settled does not matter.
 */
import type { Prefix } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { describeRow } from '../ovn/describe.ts';
import type { RowReference } from '../ovn/topology.ts';
import { type Denial, type Exposure, type ExposureKind, isAssumed } from './types.ts';

/**
 * Higher wins. What serves many outranks what serves one: gateway ports, then floating IPs, then load balancers, then
 * single ports, then what is inside tenant networks.
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

/** The winning claim on a prefix among those that stand on their own; `undefined` where there is none. */
export type WinnerOf = (prefix: Prefix) => Exposure | undefined;

export interface Settlement {
  /** Absent: no claim stands. */
  readonly winner: Exposure | undefined;
  readonly denials: readonly Denial[];
}

/** Settles all claims on one prefix: those that are not covered fall away, of the others one wins. */
export function settle(claims: readonly Exposure[], winnerOf: WinnerOf): Settlement {
  const uncovered: Denial[] = [];
  const standing: Exposure[] = [];
  for (const claim of claims) {
    const denial = coverage(claim, winnerOf);
    if (denial === undefined) standing.push(claim);
    else uncovered.push(denial);
  }
  if (standing.length === 0) return { winner: undefined, denials: uncovered };
  const { winner, denials } = resolveConflict(known(standing));
  // A row that claims its address through several subnets needs one of them.
  const others = uncovered.filter(({ candidate }) => candidate !== winner.candidate);
  return { winner, denials: [...denials, ...others] };
}

/** For `WinnerOf`: the winner among all claims on a prefix that rely on no other one. */
export function ownWinner(claims: readonly Exposure[] | undefined): Exposure | undefined {
  return known(claims?.filter(({ delivery }) => delivery.type !== 'covered') ?? []).sort(compareClaims)[0];
}

/** The claims that know where they are; where there is none, all of them. */
function known(claims: readonly Exposure[]): Exposure[] {
  const sure = claims.filter((claim) => !isAssumed(claim));
  return sure.length > 0 ? sure : [...claims];
}

/** Why an exposure that relies on a subnet does not stand; `undefined` when it does or relies on none. */
export function coverage(exposure: Exposure, winnerOf: WinnerOf): Denial | undefined {
  const { delivery } = exposure;
  if (delivery.type !== 'covered') return undefined;
  const carrier = winnerOf(delivery.subnet);
  if (carrier?.kind === 'tenant-subnet' && carrier.candidate === delivery.by) return undefined;
  const row = claimant(exposure);
  const served =
    carrier === undefined ? 'nobody' : `${describeRow(claimant(carrier))}, which is another network`;
  return {
    candidate: exposure.candidate,
    row,
    address: exposure.address,
    code: 'not-covered',
    // The conflict over the subnet is told once, by the subnet.
    fault: false,
    message: `${describeRow(row)}: ${exposure.address} is inside ${delivery.subnet}, which is exposed here for ${served}`,
  };
}

export interface Resolution {
  readonly winner: Exposure;
  readonly denials: readonly Denial[];
}

/** The winner of claims on one prefix that all stand; there must be at least one. */
export function resolveConflict(claims: readonly Exposure[]): Resolution {
  const [winner, ...losers] = [...claims].sort(compareClaims);
  if (winner === undefined) throw new TypeError('a conflict needs at least one claim');
  const rivals = losers.filter(({ candidate }) => candidate !== winner.candidate);
  return { winner, denials: rivals.map((loser) => denialOf(loser, winner)) };
}

function denialOf(loser: Exposure, winner: Exposure): Denial {
  const [row, other] = [claimant(loser), claimant(winner)];
  const subject = loser.kind === 'tenant-subnet' ? loser.prefix : loser.address;
  return {
    candidate: loser.candidate,
    row,
    address: subject,
    code: 'conflict',
    fault: !areCompatible(loser, winner),
    message:
      `${describeRow(row)} and ${describeRow(other)} both claim ${subject}; the latter is served. ` +
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
    compareText(attachmentOf(a), attachmentOf(b)) ||
    compareText(left.name ?? '', right.name ?? '') ||
    compareText(left.uuid, right.uuid)
  );
}

function attachmentOf({ delivery }: Exposure): string {
  return delivery.type === 'covered' ? delivery.by : '';
}

/** Two claims that send traffic to the same place do no harm; one without a MAC address asks and is told the other's. */
function areCompatible(a: Exposure, b: Exposure): boolean {
  const { bridge, vlan } = a.network;
  if (bridge !== b.network.bridge || vlan !== b.network.vlan) return false;
  const [left, right] = [a.delivery, b.delivery];
  switch (left.type) {
    case 'link':
      return right.type === 'link' && haveOneMac(left, right);
    case 'via':
      return right.type === 'via' && left.via === right.via && haveOneMac(left, right);
    case 'covered':
      return right.type === 'covered' && left.by === right.by;
    default:
      return left satisfies never;
  }
}

function haveOneMac(a: { readonly mac?: string }, b: { readonly mac?: string }): boolean {
  return a.mac === undefined || b.mac === undefined || a.mac === b.mac;
}
