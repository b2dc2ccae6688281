import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../exposures/evaluate.ts';
import { CLOUD_KINDS, finalRows } from '../exposures/random-cloud.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, ObjectKey } from '../node/objects.ts';
import { type TestNode, testInput, testPolicy } from './testing.ts';
import type { Wiring, WiringInput } from './types.ts';
import { underlay } from './underlay.ts';
import { wire } from './wire.ts';

const nodes: fc.Arbitrary<WiringInput> = fc
  .record({
    mappings: fc.constantFrom(
      'physnet1:br-ex',
      'physnet1:br-ex,physnet2:br-ex',
      'physnet1:br-data-plan1,physnet2:br-data-plan2',
      'x,physnet1:br-ex,physnet2:br-ex.100',
      '',
    ),
    rtTables: fc.constantFrom('', '200 br-ex\n', '10 br-ex\n', '7 br-ex\n7 br-data-plan2\n'),
    ofports: fc.constantFrom<Record<string, number>>(
      {},
      { 'provnet-1': 1 },
      { 'provnet-1': 1, 'provnet-2': 2, 'vm-1': 3 },
      { 'provnet-1': -1, 'provnet-2': 65535 },
    ),
    kernelVlan: fc.boolean(),
    routerId: fc.constantFrom('172.30.1.1', 'none', '2001:db8::1'),
    config: fc.record({
      advertiseVia: fc.constantFrom('vrf', 'main'),
      vlanHandover: fc.constantFrom('auto', 'kernel', 'ovs'),
    }),
    lost: fc.constantFrom('nothing', 'bridges', 'devices'),
  })
  .map(({ lost, ...node }) => {
    const input = testInput(node satisfies TestNode);
    if (lost === 'nothing') return input;
    const bridges = [...input.facts.bridges].map(
      ([name, facts]) => [name, { ...facts, device: undefined }] as const,
    );
    return { ...input, facts: { ...input.facts, bridges: new Map(lost === 'bridges' ? [] : bridges) } };
  });

const keys = (objects: readonly DesiredObject[]): ObjectKey[] => objects.map(({ object }) => keyOf(object));

describe.each(CLOUD_KINDS)('the wiring of any $name contents', ({ steps, create }) => {
  const wirings = fc.tuple(steps, nodes).map(([edits, input]) => {
    const cloud = create();
    for (const step of edits) cloud.apply(step);
    const { exposures } = evaluate(cloud.topology, testPolicy(input));
    const localnets = [...cloud.topology.localnets()];
    return { input, exposures, localnets, all: wire(exposures, input, localnets) };
  });

  it('has every key once, in order, and is complete', () => {
    fc.assert(
      fc.property(wirings, ({ all }) => {
        const present = new Set(keys(all.objects));
        expect([...present].sort()).toEqual(keys(all.objects));
        for (const desired of all.objects) for (const key of desired.requires) expect(present).toContain(key);
      }),
      { numRuns: 300 },
    );
  });

  it('advertises exactly the exposures that are not pending, and nothing else', () => {
    fc.assert(
      fc.property(wirings, ({ all, exposures }) => {
        const waiting = new Set(all.pending.map(({ subject }) => subject));
        const advertised = all.objects
          .filter(({ role }) => role === 'advertise')
          .map(({ object }) =>
            object.kind === 'address'
              ? object.prefix
              : object.kind === 'route'
                ? object.destination
                : object.kind,
          );
        const expected = exposures.map(({ prefix }) => prefix).filter((prefix) => !waiting.has(prefix));
        expect(advertised.sort()).toEqual(expected.sort());
      }),
      { numRuns: 300 },
    );
  });

  it('is the union of its parts, which agree on what they share', () => {
    fc.assert(
      fc.property(wirings, ({ all, exposures, input, localnets }) => {
        const parts: Wiring[] = [
          underlay.base(input, localnets),
          ...exposures.map((exposure) => underlay.expose(exposure, input)),
        ];
        const contents = new Map<ObjectKey, string>();
        for (const { object, role, requires } of parts.flatMap((part) => part.objects)) {
          const text = JSON.stringify({ object, role, requires });
          expect(contents.get(keyOf(object)) ?? text).toBe(text);
          contents.set(keyOf(object), text);
        }
        expect([...contents.keys()].sort()).toEqual(keys(all.objects));
      }),
      { numRuns: 300 },
    );
  });

  it('is the same in whatever order the rows are stored', () => {
    const orders = steps.chain((edits) => {
      const rows = finalRows(edits);
      return fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }));
    });
    fc.assert(
      fc.property(orders, nodes, (pair, input) => {
        const [first, second] = pair.map((rows) => {
          const cloud = create();
          for (const row of rows) cloud.apply([row]);
          const { exposures } = evaluate(cloud.topology, testPolicy(input));
          return JSON.stringify(wire(exposures, input, cloud.topology.localnets()));
        });
        expect(second).toBe(first);
      }),
      { numRuns: 200 },
    );
  });
});
