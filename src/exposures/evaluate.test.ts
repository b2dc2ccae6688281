import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIp, parseIp } from '../base/address.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { northboundCloud, testPortKey } from '../ovn/testing.ts';
import type { CandidateKey, Topology } from '../ovn/topology.ts';
import { parseBridgeMappings } from './bridge-mappings.ts';
import { resolveConflict } from './conflicts.ts';
import { evaluate, evaluateCandidate } from './evaluate.ts';
import { CLOUD_KINDS, finalRows } from './random-cloud.ts';
import { testPolicy } from './testing.ts';
import type { Evaluation, Exposure, Verdict } from './types.ts';

const POLICY = testPolicy({
  bridgeMappings: parseBridgeMappings('physnet1:br-ex,physnet2:br-data-plane').mappings,
  proxyNdpAddresses: [parseIp('2001:db8::53')].filter((ip) => ip !== undefined),
  graced: new Set([testPortKey('nobody'), 'port:p0']),
});

describe.each(CLOUD_KINDS)('any contents of the $name database', ({ steps, create }) => {
  it('are decided without an exception, sorted and in printable words', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        for (const step of edits) cloud.apply(step);
        const { exposures, denials } = evaluate(cloud.topology, POLICY);
        const addresses = exposures.map(({ address }) => address);
        expect(addresses).toEqual([...new Set(addresses)].sort(compareIp));
        for (const denial of denials) {
          expect(denial.code).not.toBe('row-error');
          expect(`${denial.message}${denial.address ?? ''}`).toMatch(/^[\x20-\x7e]{1,800}$/);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('give the same bytes in whatever order the rows are stored', () => {
    const shuffled = steps.chain((edits) => {
      const rows = finalRows(edits);
      return fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }));
    });
    fc.assert(
      fc.property(shuffled, (orders) => {
        const [first, second] = orders.map((rows) => {
          const cloud = create();
          for (const row of rows) cloud.apply([row]);
          return JSON.stringify(evaluate(cloud.topology, POLICY));
        });
        expect(second).toBe(first);
      }),
      { numRuns: 200 },
    );
  });

  it('are decided incrementally as they are at once', () => {
    fc.assert(
      fc.property(steps, (edits) => {
        const cloud = create();
        const verdicts = new Map<CandidateKey, Verdict>();
        for (const step of edits) {
          const affected = cloud.apply(step);
          const keys =
            affected === 'all' ? new Set([...verdicts.keys(), ...cloud.topology.candidates()]) : affected;
          for (const key of keys) verdicts.set(key, evaluateCandidate(key, cloud.topology, POLICY));
          expect(merged(verdicts.values())).toEqual(comparable(evaluate(cloud.fresh(), POLICY)));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** The parts of an evaluation in an order of their own. */
function comparable({ exposures, denials }: Evaluation): { exposures: string[]; denials: string[] } {
  const texts = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).sort();
  return { exposures: texts(exposures), denials: texts(denials) };
}

function merged(verdicts: Iterable<Verdict>): { exposures: string[]; denials: string[] } {
  const all = [...verdicts];
  const claims = new Map<string, Exposure[]>();
  for (const exposure of all.flatMap((verdict) => verdict.exposures)) {
    claims.set(exposure.address, [...(claims.get(exposure.address) ?? []), exposure]);
  }
  const resolutions = [...claims.values()].map(resolveConflict);
  return comparable({
    exposures: resolutions.map(({ winner }) => winner),
    denials: [...all.flatMap((verdict) => verdict.denials), ...resolutions.flatMap(({ denials }) => denials)],
  });
}

describe('evaluateCandidate', () => {
  const topology = (): Topology => {
    const cloud = northboundCloud();
    cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
    const addresses = 'fa:16:3e:00:00:10 172.24.4.10';
    cloud.addPort({ name: 'vm', network: 'pub', addresses, requestedChassis: 'cmp-1' });
    return createNorthboundTopology(cloud.db.views, { hostname: 'cmp-1', systemId: 'C1' });
  };

  it('has nothing to say about a row that does not exist', () => {
    expect(evaluateCandidate(testPortKey('gone'), topology(), POLICY)).toEqual({
      exposures: [],
      denials: [],
    });
  });

  it('turns an exception into a denial of that row alone', () => {
    const sound = topology();
    const broken: Topology = {
      ...sound,
      *candidates() {
        yield testPortKey('broken');
        yield* sound.candidates();
      },
      resolve: (key) => {
        if (key === testPortKey('broken')) throw new Error('out of \u001b[31mcheese');
        return sound.resolve(key);
      },
    };
    const { exposures, denials } = evaluate(broken, POLICY);
    expect(exposures.map(({ address }) => address)).toEqual(['172.24.4.10']);
    expect(denials).toEqual([
      {
        candidate: 'port:port broken',
        row: { database: 'northbound', table: 'Logical_Switch_Port', uuid: 'port broken' },
        code: 'row-error',
        fault: true,
        message: expect.stringContaining('out of \\u001b[31mcheese'),
      },
    ]);
  });
});
