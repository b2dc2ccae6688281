import { describe, expect, it } from 'vitest';
import { OvsError, type OvsErrorCode } from '../../openvswitch/errors.ts';
import type { FlowObject } from '../objects.ts';
import { flowKind } from './flow.ts';
import type { View, Write } from './kind.ts';

function writes(count: number, ...bridges: readonly string[]): Write<FlowObject>[] {
  return bridges.flatMap((bridge) =>
    Array.from({ length: count }, (_, index) => ({
      op: 'add' as const,
      object: {
        kind: 'flow' as const,
        bridge,
        flow: { cookie: 999, priority: 900, match: `ip,in_port=${index + 1}`, actions: 'NORMAL' },
      },
    })),
  );
}

/** A switch that answers every bundle with this error; `bundles` counts them. */
function failing(code: OvsErrorCode): { readonly view: View; readonly bundles: () => number } {
  let bundles = 0;
  const applyFlows = async (bridge: string): Promise<void> => {
    bundles += 1;
    throw new OvsError(code, bridge, 'no');
  };
  return { view: { edge: { ovs: { applyFlows } } } as unknown as View, bundles: () => bundles };
}

describe('a vswitchd that does not answer', () => {
  it.each([['timeout'], ['unreachable']] as const)(
    'is not asked again in the same pass: %s',
    async (code) => {
      const { view, bundles } = failing(code);
      const results = await flowKind.write(view, writes(40, 'br-ex', 'br-data'));
      expect(bundles()).toBe(1);
      expect(results).toHaveLength(80);
      expect(results.every((failure) => failure?.silent === true && failure.doubt)).toBe(true);
    },
  );
});

describe('a bundle that is refused', () => {
  it('is halved until the flow at fault is found, with an end', async () => {
    const { view, bundles } = failing('rejected');
    const results = await flowKind.write(view, writes(200, 'br-ex'));
    expect(bundles()).toBeGreaterThan(2);
    expect(bundles()).toBeLessThan(40);
    expect(results.every((failure) => failure?.message === 'no' && failure.silent === undefined)).toBe(true);
  });
});
