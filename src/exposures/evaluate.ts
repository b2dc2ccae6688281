/**
 * The decision: what this node must make reachable, and what it must not and why not.
 *
 * In: the topology and this node's policy. Out: exposures and denials, sorted; the same contents give the same result,
 * in whatever order the rows are stored. Nothing throws: a row that breaks the evaluation harms only itself.
 */
import { compareIp, type Prefix } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import {
  type Candidate,
  type CandidateKey,
  candidateUuid,
  type RowReference,
  type Topology,
} from '../ovn/topology.ts';
import { resolveConflict } from './conflicts.ts';
import { evaluatePort } from './provider-port.ts';
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
    return candidate === undefined ? NOTHING : evaluateResolved(candidate, policy);
  } catch (error) {
    return { exposures: [], denials: [rowError(key, topology, error)] };
  }
}

function evaluateResolved(candidate: Candidate, policy: ExposurePolicy): Verdict {
  switch (candidate.kind) {
    case 'port':
      return evaluatePort(candidate, policy);
    case 'gateway':
    case 'subnet':
    case 'nat':
    case 'load-balancer':
      return NOTHING;
    default:
      return candidate satisfies never;
  }
}

/** The decision on every candidate, with one winner for each address. */
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
    const resolution = resolveConflict(rivals);
    exposures.push(resolution.winner);
    denials.push(...resolution.denials);
  }
  return {
    exposures: exposures.sort((a, b) => compareIp(a.prefix, b.prefix)),
    denials: denials.sort(compareDenials),
  };
}

function rowError(key: CandidateKey, topology: Topology, error: unknown): Denial {
  const northbound = topology.database === 'northbound';
  const row: RowReference = {
    database: topology.database,
    table: northbound ? 'Logical_Switch_Port' : 'Port_Binding',
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
