/** Keys and companions of candidates, over random databases. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import type { Candidate, CandidateKey, Topology } from '../ovn/topology.ts';
import { evaluateCandidate } from './evaluate.ts';
import { CLOUD_KINDS } from './random-cloud.ts';
import { testPolicy, testTenant } from './testing.ts';

const POLICY = testPolicy({
  bridgeMappings: parseBridgeMappings('physnet1:br-ex').mappings,
  tenant: testTenant({ exposeNetworks: true }),
});

const RUNS = { numRuns: 100 };

/** Every candidate that there is, by its key. */
function resolved(topology: Topology): Map<CandidateKey, Candidate> {
  const found = new Map<CandidateKey, Candidate>();
  for (const key of topology.candidates()) {
    const candidate = topology.resolve(key);
    if (candidate !== undefined) found.set(key, candidate);
  }
  return found;
}

/** The ports that translated addresses follow. */
function followed(candidate: Candidate): CandidateKey[] {
  if (candidate.kind !== 'nat') return [];
  const ports =
    candidate.from === 'nat-row' ? [candidate.port] : candidate.entries.map(({ resident }) => resident);
  return ports.flatMap((port) => (port === undefined ? [] : [port.key]));
}

describe.each(CLOUD_KINDS)('candidates of a $name database', ({ steps, create }) => {
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

  it('are exposed or denied', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        for (const step of edits) cloud.apply(step);
        const silent = [...resolved(cloud.topology).keys()].filter((key) => {
          const { exposures, denials } = evaluateCandidate(key, cloud.topology, POLICY);
          return exposures.length === 0 && denials.length === 0;
        });
        expect(silent).toEqual([]);
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
