/** The planner under changing needs: what it keeps is what a fresh one computes, and no more is decided than must be. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Prefix, parsePrefix } from '../../base/address.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { defaultConfig } from '../../config/assemble.ts';
import type { AgentConfig } from '../../config/types.ts';
import { NEED_KINDS, type NodeNeed, NodeNeeds } from '../../exposures/needs.ts';
import { CLOUD_KINDS } from '../../exposures/random-cloud.ts';
import { testTenant } from '../../exposures/testing.ts';
import { MAPPINGS } from '../../exposures/testing-records.ts';
import { createSouthboundTopology } from '../../ovn/southbound.ts';
import { southboundCloud } from '../../ovn/testing.ts';
import type { Topology } from '../../ovn/topology.ts';
import type { NodeFacts } from '../../wiring/types.ts';
import { methodOf } from '../../wiring/wire.ts';
import { MigrationGrace } from '../migration-grace.ts';
import { Planner } from '../planner.ts';
import { differInNeedsOnly } from './changed-needs.ts';

const FACTS: NodeFacts = {
  bridgeMappings: MAPPINGS,
  bridges: new Map(),
  tables: new Map([['br-ex', 1]]),
  kernelVlan: true,
  integrationBridge: 'br-int',
  routerId: undefined,
};

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
}

function plannerOf(topology: Topology, tenant: AgentConfig['tenant'], needs: NodeNeeds): Planner {
  const grace = new MigrationGrace(0, new VirtualClock(), () => undefined);
  const planner = new Planner(defaultConfig({ tenant }), methodOf('underlay'), grace);
  planner.setTopology(topology);
  planner.setFacts({ ...FACTS, needs });
  planner.step();
  return planner;
}

function picture(planner: Planner): unknown {
  return {
    exposures: [...planner.exposures].sort(([a], [b]) => (a < b ? -1 : 1)),
    denials: [...planner.denials()].map((denial) => JSON.stringify(denial)).sort(),
    desired: [...planner.desired.keys()].sort(),
  };
}

const anyNeeds = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...NEED_KINDS),
      prefix: fc
        .tuple(
          fc.constantFrom('172.24.4', '192.168.1', '10.0.0'),
          fc.constantFrom(1, 2, 8, 9, 31, 50, 100, 221),
          fc.constantFrom(16, 24, 26, 32),
        )
        .map(([net, last, length]) => prefix(`${net}.${last}/${length}`)),
      what: fc.constantFrom('a', 'b'),
    }),
    { maxLength: 4 },
  )
  .map((needs: readonly NodeNeed[]) => new NodeNeeds(needs));

describe.each(CLOUD_KINDS)('a planner over a $name database', ({ steps, create }) => {
  it('ends where a fresh one ends, whatever the node needed on the way', () => {
    fc.assert(
      fc.property(
        steps,
        fc.array(anyNeeds, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('host' as const, 'subnet' as const),
        (edits, sequence, advertisementMethod) => {
          const tenant = testTenant({ exposeNetworks: true, advertisementMethod });
          const cloud = create();
          const planner = plannerOf(cloud.topology, tenant, NodeNeeds.NONE);
          for (const [index, needs] of sequence.entries()) {
            const edit = edits[index];
            if (edit !== undefined) planner.markDirty(cloud.apply(edit));
            planner.setFacts({ ...FACTS, needs });
            const step = planner.step();
            expect(step?.touched).not.toBe('all');
          }
          const last = sequence.at(-1) ?? NodeNeeds.NONE;
          expect(picture(planner)).toEqual(picture(plannerOf(cloud.fresh(), tenant, last)));
        },
      ),
      { numRuns: 100 },
    );
  });
});

it('facts differ in more than needs when anything else does', () => {
  const needs = new NodeNeeds([{ kind: 'database', prefix: prefix('10.0.0.1/32'), what: 'a' }]);
  expect(differInNeedsOnly(FACTS, { ...FACTS, needs })).toBe(true);
  expect(differInNeedsOnly({ ...FACTS, needs }, FACTS)).toBe(true);
  expect(differInNeedsOnly(FACTS, { ...FACTS, needs, bridges: new Map() })).toBe(false);
});

it('tunnels of the cloud are needed, as the Southbound database has them, and followed', () => {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addPort({
    name: 'vm',
    network: 'pub',
    addresses: 'fa:16:3e:00:00:10 172.24.4.10',
    chassis: 'C1',
    up: true,
  });
  const topology = createSouthboundTopology(cloud.db.views, { hostname: 'cmp-1', systemId: 'C1' });
  const planner = plannerOf(topology, testTenant(), NodeNeeds.NONE);
  expect([...planner.exposures.keys()]).toEqual(['172.24.4.10/32']);
  planner.markDirty(
    topology.affected(cloud.db.insert('Encap', { ip: '172.24.4.10', chassis_name: 'C9' }, 'encap')),
  );
  expect(planner.step()?.withdrawn).toHaveLength(1);
  expect([...planner.denials()].map(({ message }) => message)).toEqual([
    expect.stringContaining('172.24.4.10 is needed by this node itself (tunnel endpoint of chassis "C9")'),
  ]);
  planner.markDirty(topology.affected(cloud.db.update('Encap', 'encap', { ip: 'junk' })));
  planner.step();
  expect([...planner.exposures.keys()]).toEqual(['172.24.4.10/32']);
});
