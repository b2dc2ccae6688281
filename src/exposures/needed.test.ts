import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, hostPrefix, type Prefix, parsePrefix } from '../base/address.ts';
import type { Candidate } from '../ovn/topology.ts';
import { evaluate, evaluateCandidate } from './evaluate.ts';
import { isNeededNetwork, NEED_KINDS, type NeedKind, type NodeNeed, NodeNeeds } from './needs.ts';
import { CLOUD_KINDS } from './random-cloud.ts';
import { denialLines, exposureLines, testPolicy, testTenant } from './testing.ts';
import {
  floatingIp,
  gateway,
  HERE,
  loadBalancer,
  MAPPINGS,
  natAddresses,
  natPort,
  on,
  port,
  router,
  subnet,
  TENANT,
  topologyOf,
} from './testing-records.ts';
import type { Verdict } from './types.ts';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
}

function need(kind: NeedKind, text: string, what: string = kind): NodeNeed {
  return { kind, prefix: prefix(text), what };
}

/** The verdict on one candidate of a node that needs these. */
function decided(candidate: Candidate, ...needs: readonly NodeNeed[]): Verdict {
  const policy = testPolicy({
    bridgeMappings: MAPPINGS,
    tenant: testTenant({ exposeNetworks: true }),
    needs: new NodeNeeds(needs),
  });
  return evaluateCandidate(candidate.key, topologyOf(candidate), policy);
}

const lines = (verdict: Verdict): readonly string[] => [...exposureLines(verdict), ...denialLines(verdict)];
const DATABASE = need('database', '192.168.1.9/32', 'database of external_ids:ovn-remote');
const FABRIC = need('connected-network', '192.168.0.0/16', 'network connected to eth0');

describe('what a tenant chose', () => {
  it('is refused where it contains what the node needs, and says what', () => {
    const verdict = decided(subnet(), DATABASE, need('own-address', '192.168.1.2/32', 'own address on eth0'));
    expect(lines(verdict)).toEqual(['!needed-by-node 192.168.1.0/26']);
    expect(verdict.denials[0]?.message).toBe(
      'Logical_Switch_Port "interface": 192.168.1.0/26 contains 192.168.1.9 (database of external_ids:ovn-remote), ' +
        '192.168.1.2 (own address on eth0), which this node needs itself; give the network another range',
    );
  });

  it('is refused where it lies inside a network of the node, or is one', () => {
    expect(lines(decided(subnet(), FABRIC))).toEqual(['!needed-by-node 192.168.1.0/26']);
    expect(lines(decided(subnet(), { ...FABRIC, prefix: prefix('192.168.1.0/26') }))).toEqual([
      '!needed-by-node 192.168.1.0/26',
    ]);
    expect(decided(subnet(), FABRIC).denials[0]?.message).toContain(
      '192.168.1.0/26 lies inside 192.168.0.0/16 (network connected to eth0)',
    );
  });

  it('names some of many', () => {
    const many = [1, 2, 3, 4, 5].map((last) => need('tunnel-endpoint', `192.168.1.${last}/32`));
    expect(decided(subnet(), ...many).denials[0]?.message).toContain('and 2 more, which this node needs');
  });

  it('is refused where its gateway is an address that the node needs', () => {
    const verdict = decided(subnet(), need('bgp-peer', '172.24.4.221/32', 'BGP peer'));
    expect(lines(verdict)).toEqual(['!needed-by-node 192.168.1.0/26']);
    expect(verdict.denials[0]?.message).toContain(
      'reached through 172.24.4.221, which is needed by this node itself (BGP peer)',
    );
    expect(lines(decided(subnet(), need('connected-network', '172.24.4.0/24')))).toHaveLength(1);
    expect(decided(subnet(), need('connected-network', '172.24.4.0/24')).exposures).toHaveLength(1);
  });

  it('keeps its hosts and VIPs in, each by its address', () => {
    const host = port('vm', {
      ...on(TENANT),
      addressTexts: ['fa:16:3e:00:00:01 192.168.1.7'],
      subnets: [subnet()],
    });
    const covered = decided(host, DATABASE);
    expect(lines(covered)).toEqual(['needed-by-node 192.168.1.7']);
    expect(covered.denials[0]?.message).toContain('192.168.1.0/26 contains 192.168.1.9');
    expect(lines(decided(host, need('connected-network', '192.168.1.7/32')))).toEqual([
      'needed-by-node 192.168.1.7',
    ]);
    const vip = loadBalancer('plain', { vipTexts: ['192.168.1.50:80'], subnets: [subnet()] });
    expect(lines(decided(vip, DATABASE))).toEqual(['needed-by-node 192.168.1.50']);
  });

  it('stays as it is where nothing of the node is near', () => {
    const elsewhere = [need('database', '192.168.2.9/32'), need('connected-network', '2001:db8::/32')];
    expect(lines(decided(subnet(), ...elsewhere))).toEqual(lines(decided(subnet())));
  });

  it('includes VIPs of no network here', () => {
    const vip = loadBalancer('plain', { vipTexts: ['10.9.9.9:80'] });
    expect(exposureLines(decided(vip))).toEqual([expect.stringContaining('10.9.9.9 vip br-ex')]);
    expect(lines(decided(vip, need('connected-network', '10.9.0.0/16')))).toEqual([
      '!needed-by-node 10.9.9.9',
    ]);
  });
});

describe('an address of a provider network', () => {
  const vm = port('vm', { addressTexts: ['fa:16:3e:00:00:01 172.24.4.10'] });

  it.each<[string, Candidate, string]>([
    ['a port', vm, '172.24.4.10'],
    ['a gateway port', gateway('gw', { addressTexts: ['172.24.4.221/24'] }), '172.24.4.221'],
    ['a floating IP', floatingIp({ mode: 'centralised' }), '172.24.4.131'],
    [
      'a translated address',
      natAddresses({
        entries: [
          { text: '', addressTexts: ['172.24.4.131'], residentName: 'vm', resident: natPort('vm', HERE) },
        ],
      }),
      '172.24.4.131',
    ],
    ['a VIP', loadBalancer('plain', { vipTexts: ['172.24.4.60:80'] }), '172.24.4.60'],
  ])('is refused where the node needs it: %s', (_what, candidate, address) => {
    expect(decided(candidate).exposures).toHaveLength(1);
    for (const kind of NEED_KINDS.filter((item) => !isNeededNetwork(need(item, '0.0.0.0/32')))) {
      const verdict = decided(candidate, need(kind, `${address}/32`));
      expect(verdict.exposures).toEqual([]);
      expect(denialLines(verdict)).toEqual([`!needed-by-node ${address}`]);
    }
  });

  it('is exposed with a warning where it merely lies in a network of the node', () => {
    const { exposures, denials } = decided(
      vm,
      need('connected-network', '172.24.4.0/24', 'network connected to up0'),
    );
    expect(denials).toEqual([]);
    expect(exposures[0]?.warning).toContain(
      'Logical_Switch_Port "vm": 172.24.4.10 lies inside 172.24.4.0/24 (network connected to up0)',
    );
    expect(decided(vm).exposures[0]).not.toHaveProperty('warning');
  });
});

function touches(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

const anyNeed = fc.record({
  kind: fc.constantFrom(...NEED_KINDS),
  prefix: fc
    .tuple(
      fc.constantFrom('172.24.4', '192.168.1', '192.168.2', '10.0.0'),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 12, max: 32 }),
    )
    .map(([net, last, length]) => prefix(`${net}.${last}/${length}`)),
  what: fc.constantFrom('a', 'b'),
});

describe.each(CLOUD_KINDS)('over random $name databases', ({ steps, create }) => {
  const tenants = fc.constantFrom(
    testTenant({ exposeNetworks: true }),
    testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' }),
  );

  it('nothing that is exposed covers a need or lies in one, and what is not exposed for that has a denial', () => {
    fc.assert(
      fc.property(steps, fc.array(anyNeed, { maxLength: 6 }), tenants, (edits, needs, tenant) => {
        const cloud = create();
        for (const step of edits) cloud.apply(step);
        const policy = testPolicy({ bridgeMappings: MAPPINGS, tenant });
        const free = evaluate(cloud.topology, policy);
        const { exposures, denials } = evaluate(cloud.fresh(), { ...policy, needs: new NodeNeeds(needs) });
        for (const { kind, prefix: exposed, delivery } of exposures) {
          const count = needs.filter((item) => kind.startsWith('tenant-') || !isNeededNetwork(item));
          const touched = count.filter((item) => touches(item.prefix, exposed));
          const gateways = delivery.type === 'link' ? [] : [hostPrefix(delivery.via)];
          const steered = gateways.filter((via) =>
            needs.some((item) => !isNeededNetwork(item) && touches(item.prefix, via)),
          );
          expect([exposed, touched, steered]).toEqual([exposed, [], []]);
        }
        const kept = new Set(exposures.map((exposure) => exposure.prefix));
        const denied = new Set(denials.map(({ candidate }) => candidate));
        const lost = free.exposures.filter(
          (exposure) => !kept.has(exposure.prefix) && !denied.has(exposure.candidate),
        );
        expect(lost).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

it('subnets of one router are decided on each by itself', () => {
  const both = subnet({ addressTexts: ['192.168.1.1/26', '10.5.0.1/24'], router: router() });
  expect(lines(decided(both, DATABASE))).toEqual([
    expect.stringContaining('10.5.0.0/24 tenant-subnet'),
    '!needed-by-node 192.168.1.0/26',
  ]);
});
