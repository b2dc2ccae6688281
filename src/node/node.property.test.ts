/**
 * Whatever the node holds at the start (nothing, things of ours, of the predecessor, of strangers) and whatever is
 * wanted: it is reached, in an order that never advertises what cannot be carried, and nothing foreign is touched.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { FakeNode } from './fake-node.ts';
import { Node } from './node.ts';
import type { DesiredObject, NodeObjectKind, ObjectKey } from './objects.ts';
import { operatorNode, SCOPE, settled, want } from './testing.ts';
import { always, OrderWatch, watched } from './testing-order.ts';
import {
  adopted,
  exposures,
  foreignText,
  options,
  oursLeft,
  strangers,
  vandalise,
} from './testing-worlds.ts';

const RUNS = 150;

function attach(fake: FakeNode, clock = new VirtualClock()): Node {
  const node = new Node(fake, silentLogger, { clock });
  node.setScope(SCOPE);
  return node;
}

/** As the agent does it: until nothing is left, and not more often than there can be reasons for. */
async function converge(node: Node, desired: ReadonlyMap<ObjectKey, DesiredObject>): Promise<number> {
  for (let round = 1; round <= 4; round++) {
    await node.read();
    const plan = node.plan(desired);
    if (plan.stages.length === 0 && plan.blocked.length === 0) return round;
    await node.apply(plan);
    await settled();
  }
  const plan = node.plan(desired);
  throw new Error(`does not converge: ${JSON.stringify(plan, undefined, 1)}`);
}

describe('Node, whatever it finds', () => {
  it('reaches what is wanted in the right order, has nothing left to do, and takes everything back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(adopted, { maxLength: 12 }),
        exposures,
        exposures,
        options,
        async (leftovers, first, second, chosen) => {
          const fake = await operatorNode();
          for (const leave of leftovers) leave(fake, chosen);
          strangers(fake);
          const before = foreignText(fake);
          const desired = [want(first, chosen), want(second, chosen)] as const;
          const node = attach(fake);
          await node.read();
          const present = [...desired[0].keys(), ...desired[1].keys()].filter((key) => node.observed(key));
          const watch = new OrderWatch([...present, ...always()], ...desired);
          watched(fake, (op, key) => watch.wrote(op, key));

          await converge(node, desired[0]);
          await converge(node, desired[1]);
          const writes = fake.writes();
          expect(await converge(node, desired[1])).toBe(1);
          expect(fake.writes()).toBe(writes);
          node.close();
          // A restart finds everything right.
          const again = attach(fake);
          expect(await converge(again, desired[1])).toBe(1);
          await converge(again, new Map());
          expect(watch.violations).toEqual([]);
          expect(foreignText(fake)).toBe(before);
          expect(oursLeft(fake)).toEqual([]);
          again.close();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('never adds an advertisement without its wire when writes fail, and finishes when they no longer do', async () => {
    await fc.assert(
      fc.asyncProperty(
        exposures,
        exposures,
        options,
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        async (first, second, chosen, dice) => {
          const fake = await operatorNode();
          strangers(fake);
          const before = foreignText(fake);
          const desired = [want(first, chosen), want(second, chosen)] as const;
          const node = attach(fake);
          await node.read();
          const watch = new OrderWatch(always(), ...desired);
          watched(fake, (op, key) => watch.wrote(op, key));
          fake.netlink.fail = () => (dice.next().value === 0 ? 'EPERM' : undefined);
          fake.files.fail = () => (dice.next().value === 0 ? 'injected' : undefined);
          for (const state of [desired[0], desired[1], desired[0]]) {
            if (dice.next().value < 3) fake.frr.failNextApply();
            if (dice.next().value < 3) fake.ovs.failNext();
            await node.apply(node.plan(state));
            await settled();
          }
          expect(watch.violations).toEqual([]);
          fake.netlink.fail = undefined;
          fake.files.fail = undefined;
          await converge(node, desired[1]);
          expect(foreignText(fake)).toBe(before);
          node.close();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('hears of what others do to its objects, and repairs that only', async () => {
    const vandalism = fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(exposures, options, vandalism, async (wanted, chosen, acts) => {
        const fake = await operatorNode();
        strangers(fake);
        const desired = want(wanted, chosen);
        const clock = new VirtualClock();
        const node = attach(fake, clock);
        const stale = new Set<NodeObjectKind>();
        node.onDrift((kinds) => {
          for (const kind of kinds) stale.add(kind);
        });
        await converge(node, desired);
        await settled();
        clock.advance(1000);
        await settled();
        expect([...stale]).toEqual([]);
        const before = foreignText(fake);
        let harmed = false;
        for (const [pick, destroy] of acts) harmed = vandalise(fake, pick, destroy) || harmed;
        await settled();
        clock.advance(1000);
        await settled();
        expect(stale.size > 0).toBe(harmed);
        for (let round = 0; round < 4 && stale.size > 0; round++) {
          const kinds = [...stale];
          stale.clear();
          await node.read(kinds);
          await node.apply(node.plan(desired));
          await settled();
          clock.advance(1000);
          await settled();
        }
        // Nothing that events do not tell of is left: a complete look finds nothing to do.
        await node.read();
        expect(node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
        expect(foreignText(fake)).toBe(before);
        node.close();
      }),
      { numRuns: RUNS },
    );
  });
});
