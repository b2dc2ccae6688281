import { describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FrrError } from '../frr/errors.ts';
import { Concerns } from './concerns.ts';

/** A daemon whose answers a test gives by hand. */
class Daemon {
  readonly #open: { readonly answer: (value: string) => void; readonly fail: (error: Error) => void }[] = [];
  asked = 0;

  readonly ask = (): Promise<string> => {
    this.asked += 1;
    return new Promise((answer, fail) => this.#open.push({ answer, fail }));
  };

  async answer(value: string): Promise<void> {
    this.#open.shift()?.answer(value);
    await turns();
  }

  async fail(error: Error): Promise<void> {
    this.#open.shift()?.fail(error);
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const SILENCE = new FrrError('unreachable', 'waited 10000 ms in vain for bgpd to answer');
const noSilence = (): undefined => undefined;

function started(): {
  concerns: Concerns;
  clock: VirtualClock;
  daemon: Daemon;
  ready: string[];
  log: string[];
} {
  const clock = new VirtualClock();
  const log: string[] = [];
  const say = (_fields: object, text: string): void => void log.push(text);
  const logger: Logger = { ...silentLogger, info: say, warn: say, error: say };
  const concerns = new Concerns(logger, { clock });
  const ready: string[] = [];
  concerns.subscribe((concern) => ready.push(concern));
  return { concerns, clock, daemon: new Daemon(), ready, log };
}

describe('an operation', () => {
  it('is waited for, and its result or error is its own', async () => {
    const { concerns, daemon, ready } = started();
    const asked = concerns.ask('bgpd', 'a', daemon.ask);
    await daemon.answer('yes');
    expect(await asked).toEqual({ answered: true, value: 'yes' });
    const refused = concerns.ask('bgpd', 'a', daemon.ask);
    await Promise.all([expect(refused).rejects.toThrow('no line'), daemon.fail(new Error('no line'))]);
    expect(concerns.isAnswering('bgpd')).toBe(true);
    expect(ready).toEqual([]);
  });

  it('that takes long holds nobody up; nothing else is asked meanwhile; its result is there afterwards', async () => {
    const { concerns, clock, daemon, ready } = started();
    const asked = concerns.ask('bgpd', 'a', daemon.ask);
    await turns();
    clock.advance(300);
    expect(await asked).toEqual({ answered: false, reason: 'bgpd does not answer' });
    expect((await concerns.ask('bgpd', 'b', daemon.ask)).answered).toBe(false);
    expect((await concerns.change('bgpd', daemon.ask, noSilence)).answered).toBe(false);
    expect(daemon.asked).toBe(1);
    // Others are not concerned.
    expect(await concerns.ask('vswitchd', 'c', async () => 1)).toEqual({ answered: true, value: 1 });
    await daemon.answer('late');
    expect(ready).toEqual(['bgpd']);
    expect(await concerns.ask('bgpd', 'a', daemon.ask)).toEqual({ answered: true, value: 'late' });
    expect(daemon.asked).toBe(1);
  });

  it('whose result came late is outdated by a change', async () => {
    const { concerns, clock, daemon } = started();
    const asked = concerns.ask('bgpd', 'a', daemon.ask);
    await turns();
    clock.advance(300);
    await asked;
    await daemon.answer('old');
    const changed = concerns.change('bgpd', daemon.ask, noSilence);
    await turns();
    await daemon.answer('done');
    expect((await changed).answered).toBe(true);
    const again = concerns.ask('bgpd', 'a', daemon.ask);
    await turns();
    await daemon.answer('new');
    expect(await again).toEqual({ answered: true, value: 'new' });
  });

  it('waits its turn when two are asked at once', async () => {
    const { concerns, daemon } = started();
    const both = [concerns.ask('bgpd', 'a', daemon.ask), concerns.ask('bgpd', 'b', daemon.ask)];
    await turns();
    expect(daemon.asked).toBe(1);
    await daemon.answer('one');
    await daemon.answer('two');
    expect(await Promise.all(both)).toEqual([
      { answered: true, value: 'one' },
      { answered: true, value: 'two' },
    ]);
  });

  it('on the kernel is always waited for', async () => {
    const { concerns, clock, daemon } = started();
    const asked = concerns.ask('kernel', 'a', daemon.ask);
    clock.advance(10_000);
    await daemon.answer('yes');
    expect(await asked).toEqual({ answered: true, value: 'yes' });
  });

  it('of a patient one is always waited for, and silence is an error', async () => {
    const concerns = new Concerns(silentLogger, { clock: new VirtualClock(), patient: true });
    await expect(concerns.ask('bgpd', 'a', () => Promise.reject(SILENCE))).rejects.toThrow('in vain');
  });
});

describe('a daemon that does not answer', () => {
  it('is asked again with a back-off of its own, and nobody waits for it then', async () => {
    const { concerns, clock, daemon, ready } = started();
    const first = concerns.ask('bgpd', 'a', daemon.ask);
    await daemon.fail(SILENCE);
    expect((await first).answered).toBe(false);
    expect((await concerns.ask('bgpd', 'a', daemon.ask)).answered).toBe(false);
    expect(daemon.asked).toBe(1);
    const gaps: number[] = [];
    for (let round = 0; round < 6; round++) {
      const before = ready.length;
      let waitedMs = 0;
      while (ready.length === before) {
        clock.advance(100);
        waitedMs += 100;
      }
      gaps.push(waitedMs);
      expect((await concerns.ask('bgpd', 'a', daemon.ask)).answered).toBe(false);
      expect(daemon.asked).toBe(round + 2);
      await daemon.fail(SILENCE);
    }
    expect(gaps).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('is told of once, after a while, and once when it answers again', async () => {
    const { concerns, clock, daemon, log, ready } = started();
    void concerns.ask('bgpd', 'a', daemon.ask);
    await daemon.fail(SILENCE);
    clock.advance(1900);
    expect(log).toEqual([]);
    for (let round = 0; round < 20; round++) {
      clock.advance(5000);
      void concerns.ask('bgpd', 'a', daemon.ask);
      await daemon.fail(SILENCE);
    }
    expect(log).toEqual([expect.stringMatching(/^bgpd does not answer/)]);
    expect(concerns.status()).toEqual([
      { concern: 'bgpd', state: 'not answering', sinceMs: 0, problem: SILENCE.message },
    ]);
    clock.advance(5000);
    void concerns.ask('bgpd', 'a', daemon.ask);
    ready.length = 0;
    await daemon.answer('here');
    expect(log.slice(1)).toEqual(['bgpd answers again']);
    expect(ready).toEqual(['bgpd']);
    expect(concerns.status()[0]?.state).toBe('answering');
  });

  it('that shows signs of life is asked at once, and waited for', async () => {
    const { concerns, daemon, ready } = started();
    void concerns.ask('bgpd', 'a', daemon.ask);
    await daemon.fail(SILENCE);
    concerns.revive('bgpd');
    expect(ready).toEqual(['bgpd']);
    const asked = concerns.ask('bgpd', 'a', daemon.ask);
    await daemon.answer('back');
    expect(await asked).toEqual({ answered: true, value: 'back' });
  });

  it('shows in a result that says so, which counts all the same', async () => {
    const { concerns } = started();
    const answer = await concerns.change(
      'vswitchd',
      async () => ['done', 'no answer'],
      (results) => results[1],
    );
    expect(answer).toEqual({ answered: true, value: ['done', 'no answer'] });
    expect(concerns.isAnswering('vswitchd')).toBe(false);
  });
});
