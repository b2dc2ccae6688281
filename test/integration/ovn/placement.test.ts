/**
 * Both drivers against a real ovn-northd: over random clouds, an address outside tenant networks is exposed on a chassis
 * exactly where OVN serves it, on a network where OVN answers for it. What a database does not tell is listed in
 * docs/reference/placement.md, and nothing else may differ.
 *
 * 40 clouds by default. `PLACEMENT_CLOUDS=500` makes more, `PLACEMENT_SEED=N` begins with another; a difference names its
 * seed, and `PLACEMENT_SEED=N PLACEMENT_CLOUDS=1` shows it alone. OVN_NORTHD, OVN_NB_SCHEMA and OVN_SB_SCHEMA name the
 * program and the schemas of another release.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contains, type IpAddress, parseInterfaceAddress } from '../../../src/base/address.ts';
import { parseBridgeMappings } from '../../../src/base/bridge-mappings.ts';
import { evaluate, evaluateCandidate } from '../../../src/exposures/evaluate.ts';
import { testPolicy } from '../../../src/exposures/testing.ts';
import type { Verdict } from '../../../src/exposures/types.ts';
import { createNorthboundTopology } from '../../../src/ovn/northbound.ts';
import { createSouthboundTopology } from '../../../src/ovn/southbound.ts';
import type { CandidateKey, NodeIdentity, Topology } from '../../../src/ovn/topology.ts';
import { type Central, startCentral } from './placement/central.ts';
import { CHASSIS, type Cloud, MAPPINGS, randomCloud } from './placement/cloud.ts';
import { Judge, type Served } from './placement/judge.ts';
import { type Driver, LIMITS, limitOf, releaseOf, rowsAround } from './placement/limits.ts';

const COUNT = Number(process.env.PLACEMENT_CLOUDS ?? 40);
const FIRST = Number(process.env.PLACEMENT_SEED ?? 1);
/** What a cloud has at least on average; the test is worth nothing over clouds that serve nothing. */
const AGREEMENTS_A_CLOUD = 10;

const { mappings } = parseBridgeMappings(MAPPINGS);
const POLICY = testPolicy({ bridgeMappings: mappings, exposeExternal: true });
const DRIVERS: readonly Driver[] = ['Northbound', 'Southbound'];

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

function topologyOf(driver: Driver, identity: NodeIdentity): Topology {
  const { northbound, southbound } = central;
  return driver === 'Northbound'
    ? createNorthboundTopology(northbound.tables, identity, { bindings: southbound.tables })
    : createSouthboundTopology(southbound.tables, identity);
}

const identityOf = (chassis: string): NodeIdentity => ({ hostname: chassis, systemId: chassis });

function placesOf(topology: Topology): ReadonlyMap<IpAddress, string> {
  const { exposures } = evaluate(topology, POLICY);
  return new Map(
    exposures.map(({ address, network: { bridge, vlan } }) => [
      address,
      vlan === undefined ? bridge : `${bridge}.${vlan}`,
    ]),
  );
}

/** Without what is inside the tenant networks of a router: the configuration decides on that. */
function outside(cloud: Cloud, served: Served): Served {
  const tenants = new Set(
    cloud.networks.flatMap(({ name, physical }) => (physical === undefined ? [name] : [])),
  );
  const inside = cloud.routers
    .flatMap(({ ports }) => ports.filter(({ network }) => tenants.has(network)))
    .flatMap(({ networks }) => networks.flatMap((text) => parseInterfaceAddress(text)?.network ?? []));
  return new Map([...served].filter(([address]) => !inside.some((network) => contains(network, address))));
}

describe('where an address is served', () => {
  test(
    `is decided as OVN decides it, in ${COUNT} clouds from seed ${FIRST} on`,
    async () => {
      const release = releaseOf(central.version);
      const faults: string[] = [];
      const met = new Set<string>();
      let agreements = 0;
      for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
        const cloud = randomCloud(seed);
        await central.show(cloud);
        const judge = new Judge(central.southbound.tables, mappings);
        for (const chassis of CHASSIS) {
          const served = outside(cloud, judge.servedAt(chassis));
          for (const driver of DRIVERS) {
            const places = placesOf(topologyOf(driver, identityOf(chassis)));
            for (const address of new Set([...served.keys(), ...places.keys()])) {
              const [where, place] = [served.get(address), places.get(address)];
              if (where !== undefined && place !== undefined && where.has(place)) {
                agreements += 1;
                continue;
              }
              const difference = place === undefined ? 'missing' : 'surplus';
              const limit = limitOf(difference, driver, address, cloud, release);
              if (limit !== undefined) {
                met.add(limit.text);
                continue;
              }
              const there = `exposed on ${place ?? 'none'}, served on ${[...(where ?? ['none'])].join()}`;
              faults.push(
                [
                  `seed ${seed}, ${driver}, ${chassis}: ${address} is ${there}`,
                  ...rowsAround(cloud, address),
                ].join('\n  '),
              );
            }
          }
        }
      }
      expect(faults).toEqual([]);
      expect(agreements).toBeGreaterThan(AGREEMENTS_A_CLOUD * COUNT);
      // A rule that excuses nothing is a rule that nobody watches; few clouds need not meet all.
      const expected = LIMITS.filter(
        ({ until, rare }) => until === undefined && COUNT >= (rare === true ? 500 : 40),
      );
      expect([...met]).toEqual(expect.arrayContaining(expected.map(({ text }) => text)));
    },
    COUNT * 5_000,
  );

  test('is remembered as it is computed anew, while northd writes', async () => {
    const identity = identityOf(CHASSIS[0]);
    const { northbound, southbound } = central;
    const nb = createNorthboundTopology(northbound.tables, identity, { bindings: southbound.tables });
    const sb = createSouthboundTopology(southbound.tables, identity);
    const kept = new Map<Topology, Map<CandidateKey, Verdict>>();
    const update = (topology: Topology, affected: 'all' | Iterable<CandidateKey>): void => {
      const verdicts = kept.get(topology) ?? new Map<CandidateKey, Verdict>();
      kept.set(topology, verdicts);
      if (affected === 'all') verdicts.clear();
      for (const key of affected === 'all' ? [...topology.candidates()] : affected) {
        verdicts.set(key, evaluateCandidate(key, topology, POLICY));
      }
    };
    for (const topology of [nb, sb]) update(topology, 'all');
    const unsubscribe = [
      northbound.subscribe((changes) => update(nb, nb.affected(changes))),
      southbound.subscribe((changes) => update(nb, nb.affectedByBindings(changes))),
      southbound.subscribe((changes) => update(sb, sb.affected(changes))),
    ];
    const byKey = (verdicts: ReadonlyMap<CandidateKey, Verdict>) => {
      // Southbound rows may be candidates by themselves and none by what is around them.
      const told = [...verdicts].filter(
        ([, { exposures, denials }]) => exposures.length + denials.length > 0,
      );
      return Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1)));
    };
    for (let seed = 1_001; seed <= 1_005; seed++) {
      await central.show(randomCloud(seed));
      for (const [topology, driver] of [
        [nb, 'Northbound'],
        [sb, 'Southbound'],
      ] as const) {
        const anew = topologyOf(driver, identity);
        const verdicts = new Map<CandidateKey, Verdict>();
        for (const key of anew.candidates()) verdicts.set(key, evaluateCandidate(key, anew, POLICY));
        expect(byKey(kept.get(topology) ?? new Map()), `seed ${seed}, ${driver}`).toEqual(byKey(verdicts));
      }
    }
    for (const stop of unsubscribe) stop();
  });

  test('and where it is not, the documents say so', async () => {
    const page = await readFile('docs/reference/placement.md', 'utf8');
    for (const { text } of LIMITS) expect(page).toContain(text);
  });
});
