import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { CandidateKey } from '../ovn/topology.ts';
import { MigrationGrace } from './migration-grace.ts';

const PORT: CandidateKey = 'port:1';

function makeGrace(graceSec = 10): {
  readonly clock: VirtualClock;
  readonly grace: MigrationGrace;
  readonly expired: CandidateKey[];
} {
  const clock = new VirtualClock();
  const expired: CandidateKey[] = [];
  return { clock, expired, grace: new MigrationGrace(graceSec, clock, (key) => expired.push(key)) };
}

describe('MigrationGrace', () => {
  it('graces a port that was migrating and is down, for the configured time', () => {
    const { clock, grace, expired } = makeGrace();
    grace.observe(PORT, { kind: 'migrating', up: true, main: false });
    expect(grace.graced.has(PORT)).toBe(false);
    grace.observe(PORT, { kind: 'down' });
    expect(grace.graced.has(PORT)).toBe(true);
    clock.advance(9_999);
    expect(grace.graced.has(PORT)).toBe(true);
    clock.advance(1);
    expect(grace.graced.has(PORT)).toBe(false);
    expect(expired).toEqual([PORT]);
  });

  it('does not grace a port that merely went down', () => {
    const { grace, clock } = makeGrace();
    grace.observe(PORT, { kind: 'here' });
    grace.observe(PORT, { kind: 'down' });
    expect(grace.graced.has(PORT)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on while the port is up, for what of it Neutron writes later', () => {
    const { clock, grace, expired } = makeGrace();
    grace.observe(PORT, { kind: 'migrating', up: false, main: false });
    grace.observe(PORT, { kind: 'down' });
    clock.advance(5000);
    grace.observe(PORT, { kind: 'here' });
    expect(grace.graced.has(PORT)).toBe(true);
    clock.advance(5000);
    expect(grace.graced.has(PORT)).toBe(false);
    expect(expired).toEqual([PORT]);
  });

  it('ends the grace when the port is elsewhere or gone, and does not prolong it', () => {
    for (const end of [{ kind: 'elsewhere', node: 'b' } as const, undefined]) {
      const { clock, grace, expired } = makeGrace();
      grace.observe(PORT, { kind: 'migrating', up: false, main: false });
      grace.observe(PORT, { kind: 'down' });
      clock.advance(5000);
      grace.observe(PORT, { kind: 'down' });
      expect(grace.graced.has(PORT)).toBe(true);
      grace.observe(PORT, end);
      expect(grace.graced.has(PORT)).toBe(false);
      clock.advance(60_000);
      expect(expired).toEqual([]);
    }
  });

  it('keeps the first deadline when the row changes during the grace', () => {
    const { clock, grace, expired } = makeGrace();
    grace.observe(PORT, { kind: 'migrating', up: false, main: false });
    grace.observe(PORT, { kind: 'down' });
    clock.advance(9000);
    grace.observe(PORT, { kind: 'down' });
    clock.advance(1000);
    expect(expired).toEqual([PORT]);
  });

  it('does nothing with a grace of 0', () => {
    const { clock, grace } = makeGrace(0);
    grace.observe(PORT, { kind: 'migrating', up: false, main: false });
    grace.observe(PORT, { kind: 'down' });
    expect(grace.graced.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});
