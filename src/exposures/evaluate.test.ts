import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIp, type Prefix, parseIp, unannounceable } from '../base/address.ts';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { northboundCloud, testPortKey } from '../ovn/testing.ts';
import type { Candidate, CandidateKey, Topology } from '../ovn/topology.ts';
import { ownWinner, settle } from './conflicts.ts';
import { evaluate, evaluateCandidate } from './evaluate.ts';
import { CLOUD_KINDS, finalRows } from './random-cloud.ts';
import { denialLines, exposureLines, testPolicy, testTenant } from './testing.ts';
import {
  floatingIp,
  gateway,
  loadBalancer,
  MAPPINGS,
  natAddresses,
  on,
  PUB,
  port,
  router,
  row,
  subnet,
  TENANT,
  topologyOf,
  vipPort,
} from './testing-records.ts';
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
        const prefixes = exposures.map(({ prefix }) => prefix);
        expect(prefixes).toEqual([...new Set(prefixes)].sort(compareIp));
        for (const denial of denials) {
          expect(denial.code).not.toBe('row-error');
          expect(`${denial.message}${denial.address ?? ''}`).toMatch(/^[\x20-\x7e]{1,800}$/);
        }
      }),
      { numRuns: 100 },
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
      { numRuns: 100 },
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
      { numRuns: 100 },
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
  const claims = new Map<Prefix, Exposure[]>();
  for (const exposure of all.flatMap((verdict) => verdict.exposures)) {
    claims.set(exposure.prefix, [...(claims.get(exposure.prefix) ?? []), exposure]);
  }
  const settled = [...claims.values()].map((rivals) =>
    settle(rivals, (prefix) => ownWinner(claims.get(prefix))),
  );
  return comparable({
    exposures: settled.map(({ winner }) => winner).filter((winner) => winner !== undefined),
    denials: [...all.flatMap((verdict) => verdict.denials), ...settled.flatMap(({ denials }) => denials)],
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

  it('D-26: turns an exception into a denial of that row alone', () => {
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

  it.each<[Topology['database'], CandidateKey, string]>([
    ['northbound', 'port:x', 'Logical_Switch_Port'],
    ['northbound', 'gateway:x', 'Logical_Router_Port'],
    ['northbound', 'subnet:x', 'Logical_Switch_Port'],
    ['northbound', 'nat:x', 'NAT'],
    ['northbound', 'load-balancer:x', 'Load_Balancer'],
    ['southbound', 'port:x', 'Port_Binding'],
    ['southbound', 'gateway:x', 'Port_Binding'],
    ['southbound', 'subnet:x', 'Port_Binding'],
    ['southbound', 'nat:x', 'Port_Binding'],
    ['southbound', 'load-balancer:x', 'Load_Balancer'],
  ])('in the %s database, names the table of %s: %s', (database, key, table) => {
    const resolve = (): never => {
      throw new Error('broken');
    };
    const [denial] = evaluateCandidate(key, { ...topology(), database, resolve }, POLICY).denials;
    expect(denial?.row).toEqual({ database, table, uuid: 'x' });
  });
});

describe('two tenants with the same subnet', () => {
  const cloud = (name: string): readonly Candidate[] => {
    const active = gateway(`gateway-${name}`, { addressTexts: [`172.24.4.${name === 'a' ? 1 : 2}/24`] });
    const attached = subnet({ router: router([active], name) }, `interface-${name}`);
    const vm = port(`vm-${name}`, {
      ...on(TENANT),
      addressTexts: [`fa:16:3e:00:00:31 192.168.1.31 192.168.1.${name === 'a' ? 32 : 33}`],
      subnets: [attached],
    });
    return [active, attached, vm];
  };
  const policy = testPolicy({ bridgeMappings: MAPPINGS, tenant: testTenant({ exposeNetworks: true }) });

  it('are not mixed up: the hosts of the one that has the prefix are exposed, the others told why', () => {
    const evaluation = evaluate(topologyOf(...cloud('b'), ...cloud('a')), policy);
    expect(exposureLines(evaluation).filter((line) => line.includes('tenant'))).toEqual([
      '192.168.1.0/26 tenant-subnet br-ex via 172.24.4.1 fa:16:3e:aa:aa:aa (wired only)',
      '192.168.1.31 tenant-host br-ex inside 192.168.1.0/26',
      '192.168.1.32 tenant-host br-ex inside 192.168.1.0/26',
    ]);
    expect(evaluation.exposures.find(({ address }) => address === '192.168.1.31')?.candidate).toBe(
      'port:vm-a',
    );
    expect(denialLines(evaluation)).toEqual([
      '!conflict 192.168.1.0/26',
      'not-covered 192.168.1.31',
      'not-covered 192.168.1.33',
    ]);
  });
});

describe('records of hostile text', () => {
  const HOSTILE = ['\u001b[2J\u0000\n', 'x'.repeat(10_000), '__proto__', '', '0.0.0.0/0', '::/0', '\u202e'];
  const text = fc.constantFrom(...HOSTILE, '172.24.4.10', '172.24.4.10/24', 'fa:16:3e:00:00:01', 'true');
  const texts = fc.array(text, { maxLength: 4 });
  const marks = fc.record(
    {
      expose: text.map((word) => ({ text: word, row: row('Logical_Switch', word) })),
      tag: text.map((word) => ({ text: word, row: row('Logical_Switch', word) })),
    },
    { requiredKeys: [] },
  );
  const candidates = fc
    .record({ a: texts, b: texts, name: text, other: text, marks, flag: fc.boolean() })
    .map(({ a, b, name, other, marks, flag }): readonly Candidate[] => {
      const active = gateway(name, { addressTexts: a, macText: other, networkName: name, marks });
      const behind = router([active], other);
      const attached = subnet({ addressTexts: b, router: behind, routerName: name, marks }, name);
      return [
        active,
        attached,
        port(name, { addressTexts: a, cidrs: b, subnets: [attached], ...(flag ? on(TENANT) : {}), marks }),
        floatingIp({ externalIpText: name, externalMacText: other, gateways: [active], marks }),
        natAddresses({
          entries: [{ text: name, addressTexts: a, residentName: other, resident: undefined }],
        }),
        ...(['octavia', 'port-forwarding', 'plain'] as const).map((flavor) =>
          loadBalancer(
            flavor,
            {
              vipTexts: a,
              vipText: name,
              vipFipText: other,
              vipFipMacText: name,
              vipPort: vipPort(flag ? TENANT : PUB, { subnets: [attached] }),
              routers: [behind],
              subnets: [attached],
              marks,
            },
            `${flavor} ${name}`,
          ),
        ),
      ];
    });

  it('are decided without an exception, in printable words', () => {
    const tenant = testTenant({ exposeNetworks: true });
    fc.assert(
      fc.property(candidates, (records) => {
        const policy = testPolicy({ bridgeMappings: MAPPINGS, tenant });
        const { exposures, denials } = evaluate(topologyOf(...records), policy);
        for (const denial of denials) {
          expect(denial.code).not.toBe('row-error');
          expect(`${denial.message}${denial.address ?? ''}`).toMatch(/^[\x20-\x7e]{1,2000}$/);
        }
        for (const { prefix, tag } of exposures) {
          expect(unannounceable(prefix)).toBeUndefined();
          expect(tag ?? 'none').toMatch(/^[A-Za-z0-9_.-]{1,32}$/);
        }
      }),
      { numRuns: 150 },
    );
  });
});
