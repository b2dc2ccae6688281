import { describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { keyOf } from '../node/keys.ts';
import type { NodeObject, ObjectKey } from '../node/objects.ts';
import { Conflicts } from './conflicts.ts';

const rule = (number: number): NodeObject => ({
  kind: 'rule',
  to: `172.24.4.${number}/32` as never,
  table: 200,
});

class Fight {
  readonly clock = new VirtualClock();
  readonly log: { readonly text: string; readonly objects: unknown }[] = [];
  readonly conflicts: Conflicts;
  readonly key: ObjectKey = keyOf(rule(1));

  constructor() {
    const say = (fields: object, text: string): void =>
      void this.log.push({ text, objects: 'objects' in fields ? fields.objects : undefined });
    const logger: Logger = { ...silentLogger, info: say, warn: say, error: say };
    this.conflicts = new Conflicts(this.clock, logger);
  }

  repair(object = rule(1)): void {
    this.conflicts.repaired([{ key: keyOf(object), object }]);
  }

  /** Somebody undoes it as soon as it is repaired; returns the milliseconds between repairs. */
  go(rounds: number): number[] {
    const gaps: number[] = [];
    for (let round = 0; round < rounds; round++) {
      this.repair();
      let waitedMs = 0;
      for (; this.conflicts.hold(this.key) !== undefined; waitedMs += 100) {
        this.conflicts.left([this.key]);
        this.clock.advance(100);
      }
      gaps.push(waitedMs);
    }
    return gaps;
  }
}

describe('an object that somebody else keeps changing', () => {
  it('is repaired at once a few times, then at growing intervals', () => {
    const fight = new Fight();
    expect(fight.go(8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(fight.go(9)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('is told of once, with its name, and shown', () => {
    const fight = new Fight();
    fight.go(15);
    expect(fight.log).toEqual([
      {
        text: expect.stringContaining('somebody else keeps changing'),
        objects: ['rule to 172.24.4.1/32 lookup 200'],
      },
    ]);
    expect([...fight.conflicts.list()]).toEqual([
      expect.objectContaining({ key: fight.key, object: 'rule to 172.24.4.1/32 lookup 200', repairs: 15 }),
    ]);
    expect(fight.conflicts.size).toBe(1);
  });

  it('is not one that is repaired now and then', () => {
    const fight = new Fight();
    for (let round = 0; round < 100; round++) {
      fight.repair();
      fight.clock.advance(5000);
      fight.conflicts.tidy();
      expect(fight.conflicts.hold(fight.key)).toBeUndefined();
    }
    expect(fight.log).toEqual([]);
  });

  it('does not hold back others', () => {
    const fight = new Fight();
    fight.go(12);
    fight.repair(rule(2));
    expect(fight.conflicts.hold(keyOf(rule(2)))).toBeUndefined();
  });

  it('is forgotten when it was left alone for a while, and only then', () => {
    const fight = new Fight();
    fight.go(9);
    fight.conflicts.left([fight.key]);
    fight.clock.advance(60_000);
    fight.conflicts.tidy();
    expect(fight.conflicts.size).toBe(1);
    expect([...fight.conflicts.due()]).toEqual([fight.key]);
    fight.repair();
    expect(fight.conflicts.dueInMs()).toBe(30_000);
    fight.clock.advance(30_000);
    fight.conflicts.tidy();
    expect(fight.conflicts.size).toBe(0);
    expect(fight.conflicts.dueInMs()).toBeUndefined();
    expect(fight.log.map(({ text }) => text)).toEqual([
      expect.stringContaining('somebody else keeps changing'),
      expect.stringContaining('repaired at once again'),
    ]);
    expect(fight.go(8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});
