/** What `affected` leaves out must read as it did before: for every kind of candidate, over random changes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameValue } from '../ovn/same-value.ts';
import type { Candidate, CandidateKey, Topology } from '../ovn/topology.ts';
import { CLOUD_KINDS } from './random-cloud.ts';

function resolveAll(topology: Topology): Map<CandidateKey, Candidate> {
  const candidates = new Map<CandidateKey, Candidate>();
  for (const key of topology.candidates()) {
    const candidate = topology.resolve(key);
    if (candidate !== undefined) candidates.set(key, candidate);
  }
  return candidates;
}

describe.each(CLOUD_KINDS)('the topology over a random $name database', ({ steps, create }) => {
  it('names every candidate that a change alters', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        const known = new Map<CandidateKey, Candidate>();
        for (const step of edits) {
          const affected = cloud.apply(step);
          const keys = affected === 'all' ? [...known.keys(), ...cloud.topology.candidates()] : affected;
          for (const key of keys) {
            const candidate = cloud.topology.resolve(key);
            if (candidate === undefined) known.delete(key);
            else known.set(key, candidate);
          }
          const truth = resolveAll(cloud.fresh());
          // Quicker than the comparison of the test framework, which is wanted for its message alone.
          const same = sameValue(known, truth);
          expect(same || known).toEqual(same || truth);
        }
      }),
      { numRuns: 60 },
    );
  });
});
