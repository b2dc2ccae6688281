/**
 * Holds exposures against what the node needs itself.
 *
 * In: the verdict on one candidate, and the node's needs. Out: the verdict without the exposures that contain what the
 * node needs or lie inside it, each with a denial instead that names the address and what it would have covered. What
 * tenants choose (their networks, and hosts and VIPs in them) must touch nothing; on a provider network, which the
 * operator made, only an address that the node needs is refused: one in a network that the node is merely connected to is
 * exposed with a warning. Pure.
 */
import { hostPrefix, type IpAddress, isHostPrefix, networkAddress, type Prefix } from '../base/address.ts';
import { describeRow } from '../ovn/describe.ts';
import type { RowReference } from '../ovn/topology.ts';
import { isNeededNetwork, NEED_KINDS, type NodeNeed, type NodeNeeds } from './needs.ts';
import type { Denial, Exposure, ExposureKind, Verdict } from './types.ts';
import type { Refusal } from './verdict.ts';

/** Who chose an address: `tenant`, or the operator who made its provider network. */
export type Chooser = 'tenant' | 'provider';

const BY_TENANTS: ReadonlySet<ExposureKind> = new Set(['tenant-subnet', 'tenant-host', 'tenant-vip']);
/** How many needs a message names. */
const NAMED = 3;

/** The verdict with nothing in it that the node needs. */
export function withoutNeeded(verdict: Verdict, needs: NodeNeeds): Verdict {
  if (needs.all.length === 0 || verdict.exposures.length === 0) return verdict;
  const exposures: Exposure[] = [];
  const denials: Denial[] = [];
  for (const exposure of verdict.exposures) {
    const { candidate, prefix, address } = exposure;
    const row = rowOf(exposure);
    const chooser = BY_TENANTS.has(exposure.kind) ? 'tenant' : 'provider';
    const refusal = neededRefusal(prefix, chooser, row, needs);
    if (refusal !== undefined) {
      denials.push({ candidate, row, address: isHostPrefix(prefix) ? address : prefix, ...refusal });
      continue;
    }
    const warning = connectedWarning(exposure, row, needs);
    exposures.push(warning === undefined ? exposure : { ...exposure, warning });
  }
  return { exposures, denials: denials.length === 0 ? verdict.denials : [...verdict.denials, ...denials] };
}

/** Why the node cannot let go of a prefix; `undefined` when it can. */
export function neededRefusal(
  prefix: Prefix,
  chooser: Chooser,
  row: RowReference,
  needs: NodeNeeds,
): Refusal | undefined {
  const counts = (need: NodeNeed): boolean => chooser === 'tenant' || !isNeededNetwork(need);
  const [inside, around] = [needs.inside(prefix).filter(counts), needs.around(prefix).filter(counts)];
  if (inside.length + around.length === 0) return undefined;
  const advice = isHostPrefix(prefix) ? 'use another address' : 'give the network another range';
  return {
    code: 'needed-by-node',
    fault: true,
    message: `${describeRow(row)}: ${text(prefix)} ${reason(prefix, inside, around)}; ${advice}`,
  };
}

/** Why a subnet cannot be reached through this gateway address, to which traffic would be steered as well. */
export function neededGateway(
  subnet: Prefix,
  via: IpAddress,
  row: RowReference,
  needs: NodeNeeds,
): Refusal | undefined {
  const host = hostPrefix(via);
  const touched = [...needs.inside(host), ...needs.around(host)].filter((need) => !isNeededNetwork(need));
  if (touched.length === 0) return undefined;
  const message =
    `${describeRow(row)}: ${subnet} is reached through ${via}, which ${reason(hostPrefix(via), touched, [])}; ` +
    "give the router's gateway port another address";
  return { code: 'needed-by-node', fault: true, message };
}

function connectedWarning({ prefix }: Exposure, row: RowReference, needs: NodeNeeds): string | undefined {
  const networks = needs.around(prefix).filter(isNeededNetwork);
  if (networks.length === 0) return undefined;
  return (
    `${describeRow(row)}: ${text(prefix)} lies inside ${named(networks)}; it is exposed because the provider network ` +
    'says so, and this node no longer reaches another host of that address there'
  );
}

/** The row that makes the claim comes first among the reasons. */
function rowOf({ because, address }: Exposure): RowReference {
  const [reason] = because;
  if (reason === undefined) throw new TypeError(`the exposure of ${address} has no reason`);
  return reason.row;
}

function reason(prefix: Prefix, inside: readonly NodeNeed[], around: readonly NodeNeed[]): string {
  if (around.length === 0 && inside.every((need) => need.prefix === prefix)) {
    return `is needed by this node itself (${ranked(inside)
      .map(({ what }) => what)
      .join(', ')})`;
  }
  const clauses = [
    ...(inside.length === 0 ? [] : [`contains ${named(inside)}`]),
    ...(around.length === 0 ? [] : [`lies inside ${named(around)}`]),
  ];
  return `${clauses.join(' and ')}, which this node needs itself`;
}

/** `10.0.0.1 (BGP peer, next hop of 0.0.0.0/0), 10.0.0.21 (own address on eth0) and 2 more`. */
function named(needs: readonly NodeNeed[]): string {
  const whats = new Map<Prefix, string[]>();
  for (const { prefix, what } of ranked(needs)) whats.set(prefix, [...(whats.get(prefix) ?? []), what]);
  const shown = [...whats]
    .slice(0, NAMED)
    .map(([prefix, reasons]) => `${text(prefix)} (${reasons.join(', ')})`);
  const rest = whats.size - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

/** What costs the node most comes first. */
function ranked(needs: readonly NodeNeed[]): readonly NodeNeed[] {
  return [...needs].sort((a, b) => NEED_KINDS.indexOf(a.kind) - NEED_KINDS.indexOf(b.kind));
}

function text(prefix: Prefix): string {
  return isHostPrefix(prefix) ? networkAddress(prefix) : prefix;
}
