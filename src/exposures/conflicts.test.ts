import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPrefix, parseIp, parseMac } from '../base/address.ts';
import { portKey } from '../ovn/topology.ts';
import { coverage, ownWinner, resolveConflict, settle, type WinnerOf } from './conflicts.ts';
import { prefixes } from './testing.ts';
import type { Exposure, ExposureKind } from './types.ts';

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

describe('settle', () => {
  it('a claim that knows where it is wins over one that assumes it, of whatever kind', () => {
    const known = claim('vm-b', 'fa:16:3e:00:00:02');
    const gateway = { ...claim('vm-a', 'fa:16:3e:00:00:01'), kind: 'gateway' } as const;
    const assumed = {
      ...gateway,
      because: gateway.because.map((reason) => ({ ...reason, assumed: true }) as const),
    };
    expect(settle([known, gateway], () => undefined).winner).toBe(gateway);
    expect(settle([assumed, known], () => undefined)).toEqual({ winner: known, denials: [] });
    expect(ownWinner([assumed, known])).toBe(known);
    expect(settle([assumed], () => undefined).winner).toBe(assumed);
  });
});

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

describe('the rank of kinds', () => {
  const ofKind = (kind: ExposureKind): Exposure => ({
    ...claim(`row of ${kind}`, 'fa:16:3e:00:00:01'),
    kind,
  });
  const RANKED: readonly ExposureKind[] = [
    'gateway',
    'central-floating-ip',
    'vip-floating-ip',
    'floating-ip',
    'port-forwarding',
    'vip',
    'provider-port',
    'tenant-subnet',
    'tenant-host',
  ];

  it('is that of the reference, in every order of arrival', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...RANKED], { minLength: 1 }), (kinds) => {
        const { winner, denials } = resolveConflict(kinds.map(ofKind));
        const ranked = RANKED.filter((kind) => kinds.includes(kind));
        const order = [winner.candidate, ...denials.map(({ candidate }) => candidate)];
        expect(order).toEqual(ranked.map((kind) => ofKind(kind).candidate));
      }),
    );
  });

  it('lets the name decide between single ports, and between what is inside a tenant network', () => {
    const [a, b] = [claim('a', 'fa:16:3e:00:00:01'), claim('b', 'fa:16:3e:00:00:02')];
    for (const [left, right] of [
      ['virtual-port', 'provider-port'],
      ['provider-port', 'external-port'],
      ['tenant-host', 'tenant-vip'],
    ] as const) {
      const { winner } = resolveConflict([
        { ...b, kind: left },
        { ...a, kind: right },
      ]);
      expect(winner.kind).toBe(right);
    }
  });
});

describe('a conflict', () => {
  const fault = (changes: Partial<Exposure>): boolean | undefined => {
    const [a, b] = [claim('a', 'fa:16:3e:00:00:01'), claim('b', 'fa:16:3e:00:00:01')];
    return resolveConflict([a, { ...b, ...changes }]).denials[0]?.fault;
  };

  it('is a fault only where traffic would go elsewhere', () => {
    expect(fault({})).toBe(false);
    expect(fault({ delivery: { type: 'link', proxyNdp: [] } })).toBe(false);
    expect(fault({ network: { ...claim('b', 'fa:16:3e:00:00:01').network, vlan: 100 } })).toBe(true);
    expect(fault({ delivery: claim('b', 'fa:16:3e:00:00:02').delivery })).toBe(true);
  });

  it('of a row with itself is none', () => {
    const a = claim('a', 'fa:16:3e:00:00:01');
    expect(resolveConflict([a, { ...a, kind: 'floating-ip' }])).toEqual({
      winner: { ...a, kind: 'floating-ip' },
      denials: [],
    });
  });
});

describe('a claim inside a subnet', () => {
  const [SUBNET = '' as never] = prefixes('172.24.4.0/24');
  const attachment = (name: string): Exposure => {
    const base = claim(name, 'fa:16:3e:00:00:01');
    return {
      ...base,
      kind: 'tenant-subnet',
      prefix: SUBNET,
      delivery: { type: 'via', via: base.address },
    };
  };
  const host = (name: string, by: Exposure): Exposure => {
    const base = claim(name, 'fa:16:3e:00:00:01');
    const delivery = { type: 'covered', subnet: SUBNET, by: by.candidate, via: base.address } as const;
    return { ...base, kind: 'tenant-host', delivery };
  };
  const [a, b] = [attachment('a'), attachment('b')];
  const owned =
    (...claims: readonly Exposure[]): WinnerOf =>
    (prefix) =>
      ownWinner(claims.filter((item) => item.prefix === prefix));

  it('stands while its own attachment has the subnet', () => {
    expect(coverage(host('vm', a), owned(b, a))).toBeUndefined();
    expect(coverage(claim('vm', 'fa:16:3e:00:00:01'), owned())).toBeUndefined();
  });

  it('does not while another has it, and says which', () => {
    const message =
      'Logical_Switch_Port "vm": 172.24.4.10 is inside 172.24.4.0/24, which is exposed here for ' +
      'Logical_Switch_Port "a", which is another network';
    expect(coverage(host('vm', b), owned(a, b))).toMatchObject({
      code: 'not-covered',
      fault: false,
      message,
    });
    expect(coverage(host('vm', b), owned())?.message).toMatch(/exposed here for nobody$/);
    expect(coverage(host('vm', a), owned({ ...a, kind: 'vip' }))?.code).toBe('not-covered');
  });

  it('loses to none that does not stand itself', () => {
    const { winner, denials } = settle([host('a-first', b), host('vm', a)], owned(a, b));
    expect(winner?.candidate).toBe('port:vm');
    expect(denials).toMatchObject([{ candidate: 'port:a-first', code: 'not-covered' }]);
    expect(settle([host('vm', b)], owned(a, b))).toMatchObject({ winner: undefined, denials: [{}] });
  });

  it('of a row that has several is served by the one that stands, without a word', () => {
    const { winner, denials } = settle([host('vm', b), host('vm', a)], owned(b, a));
    expect([winner?.delivery.type === 'covered' && winner.delivery.by, denials]).toEqual([a.candidate, []]);
  });

  it('never carries another, even where the subnet is one address', () => {
    expect(ownWinner([host('vm', a)])).toBeUndefined();
    expect(ownWinner(undefined)).toBeUndefined();
  });
});
