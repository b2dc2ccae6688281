import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../base/address.ts';
import { FakeFrr } from './fake-frr.ts';
import { kernelRoutesStanza, leakStanza } from './stanzas.ts';

const SCOPE = { as: 64999, vrf: 'bgp-vrf' };
const LEAK = leakStanza({ ...SCOPE, routerId: '10.0.0.21' as IpAddress, redistribute: ['connected'] });
const KERNEL = kernelRoutesStanza({ as: 64999, metric: 17900 });

describe('FakeFrr', () => {
  test('holds stanzas, and notices when nothing would change', async () => {
    const frr = new FakeFrr();
    await frr.apply(SCOPE, undefined, LEAK);
    await frr.apply(SCOPE, LEAK, LEAK);
    await frr.apply(SCOPE, undefined, KERNEL);
    expect(await frr.stanzas(SCOPE)).toEqual([LEAK, KERNEL]);
    expect(await frr.stanzas({ ...SCOPE, vrf: 'other' })).toEqual([KERNEL]);
    await frr.apply(SCOPE, LEAK, undefined);
    expect(frr.applied.map(({ id, to }) => [id, to === undefined])).toEqual([
      ['leak', false],
      ['kernel-routes', false],
      ['leak', true],
    ]);
  });

  test('forgets them when bgpd restarts, and cannot be reached meanwhile', async () => {
    const frr = new FakeFrr();
    const events: string[] = [];
    frr.subscribe((event) => events.push(event));
    await frr.apply(SCOPE, undefined, LEAK);
    frr.kill();
    await expect(frr.stanzas(SCOPE)).rejects.toMatchObject({ code: 'unreachable' });
    frr.start();
    expect(await frr.stanzas(SCOPE)).toEqual([]);
    expect(events).toEqual(['down', 'up']);
  });

  test('refuses what bgpd would refuse', async () => {
    const frr = new FakeFrr({ as: undefined });
    await expect(frr.apply(SCOPE, undefined, LEAK)).rejects.toMatchObject({ code: 'no-instance' });
    frr.configure({ as: 65000 });
    await expect(frr.apply(SCOPE, undefined, LEAK)).rejects.toMatchObject({ code: 'as-mismatch' });
    frr.configure({ as: 64999 });
    frr.failNextApply();
    await expect(frr.apply(SCOPE, undefined, LEAK)).rejects.toMatchObject({ code: 'rejected' });
    expect(await frr.stanzas(SCOPE)).toEqual([]);
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await frr.stanzas(SCOPE)).toEqual([LEAK]);
  });
});
