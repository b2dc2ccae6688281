/**
 * The decision: what this node must make reachable, and what it must not and why not.
 *
 * In: the topology and this node's policy. Out: exposures and denials, sorted; the same contents give the same result,
 * in whatever order the rows are stored. Nothing throws: a row that breaks the evaluation harms only itself.
 */
import type { Prefix } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import {
  type Candidate,
  type CandidateKey,
  type CandidateKind,
  candidateKind,
  candidateUuid,
  type RowReference,
  type Topology,
} from '../ovn/topology.ts';
import { ownWinner, settle } from './conflicts.ts';
import { evaluateFloatingIp } from './floating-ip.ts';
import { evaluateGateway } from './gateway.ts';
import { sortedByIp } from './ip-order.ts';
import { evaluateLoadBalancer } from './load-balancer.ts';
import { evaluateNatAddresses } from './nat-addresses.ts';
import { withoutNeeded } from './needed.ts';
import { evaluatePort } from './provider-port.ts';
import { evaluateTenantHost, isTenantHost } from './tenant-host.ts';
import { evaluateSubnet } from './tenant-subnet.ts';
import type { Denial, Evaluation, Exposure, ExposurePolicy, Verdict } from './types.ts';

const NOTHING: Verdict = { exposures: [], denials: [] };

/**
 * The decision on one candidate, before conflicts with others; empty for one that does not exist. `observe` sees the
 * candidate before it is decided on.
 */
export function evaluateCandidate(
  key: CandidateKey,
  topology: Topology,
  policy: ExposurePolicy,
  observe?: (candidate: Candidate | undefined) => void,
): Verdict {
  try {
    const candidate = topology.resolve(key);
    observe?.(candidate);
    return candidate === undefined
      ? NOTHING
      : withoutNeeded(evaluateResolved(candidate, policy), policy.needs);
  } catch (error) {
    return { exposures: [], denials: [rowError(key, topology, error)] };
  }
}

function evaluateResolved(candidate: Candidate, policy: ExposurePolicy): Verdict {
  switch (candidate.kind) {
    case 'port':
      return isTenantHost(candidate, policy)
        ? evaluateTenantHost(candidate, policy)
        : evaluatePort(candidate, policy);
    case 'gateway':
      return evaluateGateway(candidate, policy);
    case 'subnet':
      return evaluateSubnet(candidate, policy);
    case 'nat':
      return candidate.from === 'nat-row'
        ? evaluateFloatingIp(candidate, policy)
        : evaluateNatAddresses(candidate, policy);
    case 'load-balancer':
      return evaluateLoadBalancer(candidate, policy);
    default:
      return candidate satisfies never;
  }
}

/** The decision on every candidate, with one winner for each prefix. */
export function evaluate(topology: Topology, policy: ExposurePolicy): Evaluation {
  const claims = new Map<Prefix, Exposure[]>();
  const denials: Denial[] = [];
  for (const key of topology.candidates()) {
    const verdict = evaluateCandidate(key, topology, policy);
    denials.push(...verdict.denials);
    for (const exposure of verdict.exposures) {
      const rivals = claims.get(exposure.prefix);
      if (rivals === undefined) claims.set(exposure.prefix, [exposure]);
      else rivals.push(exposure);
    }
  }
  const exposures: Exposure[] = [];
  for (const rivals of claims.values()) {
    const settlement = settle(rivals, (prefix) => ownWinner(claims.get(prefix)));
    if (settlement.winner !== undefined) exposures.push(settlement.winner);
    denials.push(...settlement.denials);
  }
  return {
    exposures: sortedByIp(exposures, ({ prefix }) => prefix),
    denials: denials.sort(compareDenials),
  };
}

/** Tables of the rows that candidates stand for. */
const TABLES: Readonly<Record<Topology['database'], Readonly<Record<CandidateKind, string>>>> = {
  northbound: {
    port: 'Logical_Switch_Port',
    gateway: 'Logical_Router_Port',
    subnet: 'Logical_Switch_Port',
    nat: 'NAT',
    'load-balancer': 'Load_Balancer',
  },
  southbound: {
    port: 'Port_Binding',
    gateway: 'Port_Binding',
    subnet: 'Port_Binding',
    nat: 'Port_Binding',
    'load-balancer': 'Load_Balancer',
  },
};

function rowError(key: CandidateKey, topology: Topology, error: unknown): Denial {
  const row: RowReference = {
    database: topology.database,
    table: TABLES[topology.database][candidateKind(key)],
    uuid: candidateUuid(key),
  };
  const text = error instanceof Error ? error.message : String(error);
  return {
    candidate: key,
    row,
    code: 'row-error',
    fault: true,
    message: `${describeRow(row)} could not be evaluated (${quote(text, 200)}); please report this with the row's contents`,
  };
}

function compareDenials(a: Denial, b: Denial): number {
  return (
    compareText(a.row.name ?? '', b.row.name ?? '') ||
    compareText(a.candidate, b.candidate) ||
    compareText(a.code, b.code) ||
    compareText(a.address ?? '', b.address ?? '') ||
    compareText(a.message, b.message)
  );
}
