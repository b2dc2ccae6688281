import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { KernelPace } from './kernel-pace.ts';

function listening(...queuedBytes: readonly number[]): string {
  return queuedBytes.map((queued, index) => listener(queued, 0, 100 + index)).join('\n');
}

function listener(queuedBytes: number, drops: number, inode = 100): string {
  return `0 0 1 000000c0 ${queuedBytes} 0 0 2 ${drops} ${inode}`;
}

function paced(read: () => string | undefined) {
  const clock = new VirtualClock();
  let looks = 0;
  const pace = new KernelPace(() => {
    looks += 1;
    return read();
  }, clock);
  return { clock, pace, looks: () => looks };
}

/** Lets time go by until the promise is settled; returns the milliseconds that it took. */
async function elapsed(clock: VirtualClock, promise: Promise<unknown>): Promise<number> {
  const begin = clock.now();
  for (let turn = 0; turn < 10_000; turn += 1) {
    const turned = new Promise((resolve) => setImmediate(() => resolve('still waiting')));
    if ((await Promise.race([promise, turned])) !== 'still waiting') break;
    clock.advance(1);
  }
  return clock.now() - begin;
}

describe('the pace of writes to the kernel', () => {
  it('costs a small change nothing', async () => {
    const { pace, looks } = paced(() => listening(5_000_000));
    expect(await pace.room(30)).toBe(30);
    expect(looks()).toBe(0);
  });

  it('lets a burst go at once where nobody listens', async () => {
    const { pace } = paced(() => '');
    expect(await pace.room(1024)).toBe(1024);
  });

  it('lets so much go as fits the fullest buffer', async () => {
    expect(await paced(() => listening(0, 3_900_000)).pace.room(1024)).toBe(25);
    expect(await paced(() => listening(0)).pace.room(1024)).toBe(1000);
  });

  it('waits while a listener that reads has no room', async () => {
    let queued = 4_100_000;
    const { clock, pace } = paced(() => {
      queued -= 1000;
      return listening(queued);
    });
    const room = pace.room(1024);
    await elapsed(clock, room);
    expect(await room).toBe(8);
    expect(queued).toBe(3_968_000);
  });

  it('does not wait for ever for a listener that does not read, and waits again when it does', async () => {
    let queued = 4_100_000;
    const { clock, pace } = paced(() => listening(queued));
    const first = pace.room(1024);
    expect(await elapsed(clock, first)).toBeGreaterThanOrEqual(200);
    expect(await first).toBe(1024);
    expect(await elapsed(clock, pace.room(1024))).toBe(0);
    queued = 4_050_000;
    const room = pace.room(1024);
    await elapsed(clock, room);
    clock.advance(1);
    queued = 3_900_000;
    expect(await pace.room(1024)).toBe(25);
  });

  it('follows a listener whose queue only grows because more is written than it reads', async () => {
    let queued = 0;
    const { clock, pace } = paced(() => listening(queued));
    for (; queued < 4_000_000; queued += 100_000) {
      expect(await pace.room(1024)).toBe(Math.min(1024, Math.floor((4_000_000 - queued) / 4000)));
      clock.advance(20);
    }
    // Nothing fits: it is waited for as long as for one that has just stopped.
    expect(await elapsed(clock, pace.room(1024))).toBeGreaterThanOrEqual(200);
  });

  it('keeps less in a buffer that turned out to be smaller', async () => {
    let drops = 0;
    const { pace } = paced(() => listener(0, drops));
    expect(await pace.room(1024)).toBe(1000);
    drops = 7;
    expect(await pace.room(1024)).toBe(500);
    expect(await pace.room(1024)).toBe(500);
    for (let more = 0; more < 10; more += 1) {
      drops += 1;
      await pace.room(1024);
    }
    expect(await pace.room(1024)).toBe(40);
  });

  it('goes by the clock where the listeners cannot be seen', async () => {
    const { clock, pace } = paced(() => undefined);
    const room = pace.room(1024);
    expect(await elapsed(clock, room)).toBeGreaterThan(0);
    expect(await room).toBe(25);
  });

  it('can be aborted', async () => {
    const { pace } = paced(() => listening(5_000_000));
    await expect(pace.room(1024, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
