import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import type { IpAddress, Prefix } from '../base/address.ts';
import { ownWinner, settle } from '../exposures/conflicts.ts';
import type { Exposure, Verdict } from '../exposures/types.ts';
import type { CandidateKey } from '../ovn/topology.ts';
import { ExposureState } from './exposure-state.ts';

const SUBNETS = ['10.0.0.0/24', '10.0.1.0/24'] as Prefix[];
const CARRIERS = ['subnet:a', 'subnet:b', 'subnet:c'] as CandidateKey[];
const GATEWAY = '172.24.4.1' as IpAddress;

type Update = readonly [CandidateKey, Verdict];

function claim(
  candidate: CandidateKey,
  kind: Exposure['kind'],
  prefix: Prefix,
  delivery: Exposure['delivery'],
): Exposure {
  return {
    kind,
    candidate,
    prefix,
    address: prefix.split('/')[0] as IpAddress,
    network: { name: 'n', physicalNetwork: 'p', bridge: 'br-ex', localnet: 'l' },
    delivery,
    announce: true,
    because: [{ row: { database: 'northbound', table: 'T', uuid: candidate, name: candidate }, note: '' }],
  };
}

const verdict = (exposures: readonly Exposure[]): Verdict => ({ exposures, denials: [] });
const hostIn = (subnet: Prefix): Prefix => subnet.replace('0/24', '5/32') as Prefix;

const subnetUpdate = fc
  .record({ candidate: fc.constantFrom(...CARRIERS), subnets: fc.subarray(SUBNETS) })
  .map(({ candidate, subnets }): Update => {
    const claims = subnets.map((subnet) =>
      claim(candidate, 'tenant-subnet', subnet, { type: 'via', via: GATEWAY }),
    );
    return [candidate, verdict(claims)];
  });

const hostUpdate = fc
  .record({
    candidate: fc.constantFrom('port:x' as CandidateKey, 'port:y' as CandidateKey),
    carriers: fc.subarray(CARRIERS),
    subnet: fc.constantFrom(...SUBNETS),
  })
  .map(({ candidate, carriers, subnet }): Update => {
    const claims = carriers.map((by) =>
      claim(candidate, 'tenant-host', hostIn(subnet), { type: 'covered', subnet, by, via: GATEWAY }),
    );
    return [candidate, verdict(claims)];
  });

const floatingIpUpdate = fc.boolean().map((present): Update => {
  const [subnet = SUBNETS[0] as Prefix] = SUBNETS;
  const candidate = 'nat:f' as CandidateKey;
  const claims = [claim(candidate, 'floating-ip', hostIn(subnet), { type: 'link', proxyNdp: [] })];
  return [candidate, verdict(present ? claims : [])];
});

const batch = fc.array(fc.oneof(subnetUpdate, hostUpdate, floatingIpUpdate), { minLength: 1, maxLength: 3 });

function winners(exposures: Iterable<readonly [Prefix, Exposure]>): string[] {
  return [...exposures].map(([prefix, { candidate }]) => `${prefix} ${candidate}`).sort();
}

describe('exposures that are kept up to date', () => {
  it('are those of all claims settled at once, also for what is inside subnets that come and go', () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
        const state = new ExposureState();
        const verdicts = new Map<CandidateKey, Verdict>();
        for (const updates of batches) {
          for (const [candidate, next] of updates) verdicts.set(candidate, next);
          state.update(updates);
        }
        const claims = new Map<Prefix, Exposure[]>();
        for (const { exposures } of verdicts.values()) {
          for (const each of exposures) claims.set(each.prefix, [...(claims.get(each.prefix) ?? []), each]);
        }
        const all: [Prefix, Exposure][] = [];
        for (const [prefix, each] of claims) {
          const { winner } = settle(each, (subnet) => ownWinner(claims.get(subnet)));
          if (winner !== undefined) all.push([prefix, winner]);
        }
        const [kept, wanted] = [winners(state.exposures), winners(all)];
        if (kept.join() !== wanted.join())
          throw new Error(`kept ${kept.join(', ')}; wanted ${wanted.join(', ')}`);
      }),
      { numRuns: 2000 },
    );
  });
});
