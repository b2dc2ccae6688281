/**
 * What `affected` leaves out must read as it did before: for every kind of candidate, over random changes. And the random
 * clouds are worth what they are used for: they have exposures of every kind.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import { EXPOSURE_KINDS, type ExposureKind } from '../config/exposure-kinds.ts';
import { sameValue } from '../ovn/same-value.ts';
import type { Candidate, CandidateKey, Topology } from '../ovn/topology.ts';
import { evaluate } from './evaluate.ts';
import { CLOUD_KINDS } from './random-cloud.ts';
import { testPolicy, testTenant } from './testing.ts';

const POLICY = testPolicy({
  bridgeMappings: parseBridgeMappings('physnet1:br-ex').mappings,
  tenant: testTenant({ exposeNetworks: true }),
  exposeExternal: true,
});
/** Not told apart in the Southbound database: they are among the translated addresses of a gateway. */
const NORTHBOUND_ALONE: readonly ExposureKind[] = ['vip-floating-ip'];

function resolveAll(topology: Topology): Map<CandidateKey, Candidate> {
  const candidates = new Map<CandidateKey, Candidate>();
  for (const key of topology.candidates()) {
    const candidate = topology.resolve(key);
    if (candidate !== undefined) candidates.set(key, candidate);
  }
  return candidates;
}

describe.each(CLOUD_KINDS)('the topology over a random $name database', ({ name, steps, create }) => {
  it('has exposures of every kind', () => {
    const counts = new Map<ExposureKind, number>();
    for (const edits of fc.sample(steps, { numRuns: 300, seed: 1 })) {
      const cloud = create();
      for (const step of edits) cloud.apply(step);
      for (const { kind } of evaluate(cloud.topology, POLICY).exposures)
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    const wanted = EXPOSURE_KINDS.filter((kind) => name === 'Northbound' || !NORTHBOUND_ALONE.includes(kind));
    expect([...counts.keys()].sort()).toEqual([...wanted].sort());
  });

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
