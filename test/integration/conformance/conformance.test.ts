/**
 * Same databases in, same node state out: what the planner wants on a captured node against what the Python agent had
 * put there, both ways, with the driver that had made it and with the other one. Every difference is listed with its
 * reason, and everything listed must differ.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frrLinesOf, linesOf, objectsOf } from './captured-objects.ts';
import { CASES, type CapturedCloud, compute, NODES, startCloud } from './captures.ts';
import { expectedDifference } from './expected-states.ts';

describe.each(CASES)('what the Python agent made of %s, read with %s', (scenario, driver) => {
  let cloud: CapturedCloud;
  beforeAll(async () => {
    cloud = await startCloud(scenario, driver);
  });
  afterAll(() => cloud.stop());

  it.each(NODES)('is what this agent wants on %s, but for what is listed', async (name) => {
    const state = cloud.state(name);
    const captured = [...linesOf(objectsOf(state)), ...frrLinesOf(state.frr)];
    const { desired, pending } = await compute(await cloud.node(name), cloud.config);
    const computed = linesOf([...desired.values()].map(({ object }) => object));
    expect(pending).toEqual([]);

    expect({
      captured: captured.filter((line) => !computed.includes(line)).sort(),
      computed: computed.filter((line) => !captured.includes(line)).sort(),
    }).toEqual(expectedDifference(scenario, name, driver));
  });

  it('is more than the base: every kind of object is compared somewhere', async () => {
    const kinds = NODES.flatMap((name) => objectsOf(cloud.state(name)).map(({ kind }) => kind));
    const common = [
      'address',
      'flow',
      'link',
      'neighbor',
      'proxy-ndp',
      'route',
      'rt-table',
      'rule',
      'sysctl',
    ];
    expect([...new Set(kinds)].sort()).toEqual(common);
    // Two imports, the router id, two redistributions.
    for (const name of NODES) expect(frrLinesOf(cloud.state(name).frr)).toHaveLength(5);
  });
});
