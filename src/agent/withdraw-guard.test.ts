import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { WithdrawGuard } from './withdraw-guard.ts';

function makeGuard(): { readonly guard: WithdrawGuard; readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  return { clock, guard: new WithdrawGuard({ percent: 50, minimum: 10, holdSec: 60 }, clock) };
}

describe('WithdrawGuard', () => {
  it('believes an ordinary update, however much it withdraws', () => {
    const { guard } = makeGuard();
    expect(guard.decide(1000, 1000)).toEqual({ kind: 'proceed' });
    expect(guard.holds).toBe(0);
  });

  it.each([
    ['fewer than the minimum', 9, 9],
    ['exactly half', 50, 100],
    ['nothing', 0, 100],
  ])('believes a snapshot that withdraws %s', (_, withdrawn, standing) => {
    const { guard } = makeGuard();
    guard.suspect();
    expect(guard.decide(withdrawn, standing)).toEqual({ kind: 'proceed' });
  });

  it('holds a snapshot that withdraws most, until the hold is over', () => {
    const { guard, clock } = makeGuard();
    guard.suspect();
    expect(guard.decide(51, 100)).toEqual({ kind: 'hold', retryMs: 60_000, started: true });
    clock.advance(20_000);
    expect(guard.decide(51, 100)).toEqual({ kind: 'hold', retryMs: 40_000, started: false });
    expect(guard.holding).toBe(true);
    clock.advance(40_000);
    expect(guard.decide(51, 100)).toEqual({ kind: 'proceed' });
    expect(guard.holding).toBe(false);
    expect(guard.holds).toBe(1);
  });

  it('lets go at once when the rows come back during the hold', () => {
    const { guard, clock } = makeGuard();
    guard.suspect();
    guard.decide(100, 100);
    clock.advance(1000);
    expect(guard.decide(2, 100)).toEqual({ kind: 'proceed' });
    expect(guard.decide(100, 100)).toEqual({ kind: 'proceed' });
  });
});
