/** What topologies tell, over random databases: the same after any number of changes as to somebody who looks afresh. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate, CandidateKey, Topology } from '../ovn/topology.ts';
import { CLOUD_KINDS } from './random-cloud.ts';

const RUNS = { numRuns: 100 };

/** Every candidate that there is, by its key. */
function resolved(topology: Topology): Map<CandidateKey, Candidate> {
  const found = new Map<CandidateKey, Candidate>();
  for (const key of topology.candidates()) put(found, key, topology.resolve(key));
  return found;
}

function put(known: Map<CandidateKey, Candidate>, key: CandidateKey, candidate: Candidate | undefined): void {
  if (candidate === undefined) known.delete(key);
  else known.set(key, candidate);
}

function sorted(candidates: ReadonlyMap<CandidateKey, Candidate>): [CandidateKey, Candidate][] {
  return [...candidates].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The ports that translated addresses follow. */
function followed(candidate: Candidate): CandidateKey[] {
  if (candidate.kind !== 'nat') return [];
  const ports =
    candidate.from === 'nat-row' ? [candidate.port] : candidate.entries.map(({ resident }) => resident);
  return ports.flatMap((port) => (port === undefined ? [] : [port.key]));
}

describe.each(CLOUD_KINDS)('candidates of a $name database', ({ steps, create }) => {
  it('are those that a change affects, or read as before', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        let known = new Map<CandidateKey, Candidate>();
        for (const step of edits) {
          const affected = cloud.apply(step);
          if (affected === 'all') known = resolved(cloud.topology);
          else for (const key of affected) put(known, key, cloud.topology.resolve(key));
          expect(sorted(known)).toEqual(sorted(resolved(cloud.fresh())));
        }
      }),
      RUNS,
    );
  });

  it('name their own kind and row', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        for (const step of edits) cloud.apply(step);
        for (const [key, candidate] of resolved(cloud.topology)) {
          expect(candidate.key).toBe(key);
          expect(key).toBe(`${candidate.kind}:${candidate.row.uuid}`);
        }
      }),
      RUNS,
    );
  });

  it('are companions of the ports that their addresses follow', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        for (const step of edits) {
          const affected = cloud.apply(step);
          for (const key of affected === 'all' ? cloud.topology.candidates() : affected) {
            cloud.topology.resolve(key);
          }
        }
        const strangers = [...resolved(cloud.fresh())].flatMap(([key, candidate]) =>
          followed(candidate)
            .filter((port) => ![...cloud.topology.companions(port)].includes(key))
            .map((port) => `${port} does not lead to ${key}`),
        );
        expect(strangers).toEqual([]);
      }),
      RUNS,
    );
  });
});
