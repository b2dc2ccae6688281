import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPrefix, parseIp, parseMac } from '../base/address.ts';
import { portKey } from '../ovn/topology.ts';
import { resolveConflict } from './conflicts.ts';
import type { Exposure } from './types.ts';

function claim(name: string, mac: string, uuid = name): Exposure {
  const address = parseIp('172.24.4.10');
  const parsed = parseMac(mac);
  if (address === undefined || parsed === undefined) throw new Error('bad test data');
  return {
    kind: 'provider-port',
    candidate: portKey(uuid),
    address,
    prefix: hostPrefix(address),
    network: { name: 'pub', physicalNetwork: 'physnet1', bridge: 'br-ex', localnet: 'provnet-1' },
    delivery: { type: 'link', mac: parsed, proxyNdp: [] },
    announce: true,
    because: [{ row: { database: 'northbound', table: 'Logical_Switch_Port', uuid, name }, note: 'bound' }],
  };
}

const CLAIMS = [
  claim('vm-a', 'fa:16:3e:00:00:01'),
  claim('vm-b', 'fa:16:3e:00:00:02', 'a uuid before all others'),
  claim('vm-c', 'fa:16:3e:00:00:01'),
  claim('vm-a', 'fa:16:3e:00:00:04', 'later'),
];

describe('resolveConflict', () => {
  it('leaves a single claim alone', () => {
    const [only] = CLAIMS;
    if (only === undefined) throw new Error('no claim');
    expect(resolveConflict([only])).toEqual({ winner: only, denials: [] });
  });

  it('has the same winner and losers in every order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(CLAIMS, { minLength: CLAIMS.length }), (claims) => {
        const { winner, denials } = resolveConflict(claims);
        expect(winner.candidate).toBe('port:later');
        expect(denials.map(({ candidate }) => candidate)).toEqual([
          'port:vm-a',
          'port:a uuid before all others',
          'port:vm-c',
        ]);
      }),
    );
  });

  it('denies the loser and names both rows', () => {
    const { denials } = resolveConflict(CLAIMS.slice(0, 2));
    expect(denials).toEqual([
      {
        candidate: 'port:a uuid before all others',
        row: {
          database: 'northbound',
          table: 'Logical_Switch_Port',
          uuid: 'a uuid before all others',
          name: 'vm-b',
        },
        address: '172.24.4.10',
        code: 'conflict',
        fault: true,
        message:
          'Logical_Switch_Port "vm-b" and Logical_Switch_Port "vm-a" both claim 172.24.4.10; the latter is served. ' +
          'Give one of them another address.',
      },
    ]);
  });

  it('finds no fault in claims that would be wired alike', () => {
    const { denials } = resolveConflict([CLAIMS[0], CLAIMS[2]].filter((item) => item !== undefined));
    expect(denials.map(({ fault }) => fault)).toEqual([false]);
  });
});
