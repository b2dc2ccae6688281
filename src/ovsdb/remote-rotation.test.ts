import { describe, expect, test } from 'vitest';

import type { OvsdbConnectionError } from './errors.ts';
import { parseRemotes } from './remote.ts';
import { type Endpoint, type Lookup, RemoteRotation } from './remote-rotation.ts';
import { FakeClock } from './testing/fake-clock.ts';

const shown = ({ remote, address }: Endpoint): string =>
  remote.kind === 'unix' ? remote.path : `${remote.host}=${address ?? 'itself'}`;
const failure = (error: unknown): unknown => (error as OvsdbConnectionError).problem;

function rotation(remotes: string, lookup: Lookup, random?: () => number) {
  const clock = new FakeClock();
  const made = new RemoteRotation(parseRemotes(remotes), { lookup, random, clock, timeoutMs: 1_000 });
  const { signal } = new AbortController();
  const take = async (count: number): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for (let i = 0; i < count; i++) seen.push(await made.next(signal).then(shown, failure));
    return seen;
  };
  return { made, clock, take };
}

describe('servers are tried in turn', () => {
  test('addresses and sockets are themselves and never looked up', async () => {
    const { made, take } = rotation('tcp:10.0.0.1:1,tcp:[fd00::1]:1,unix:/db', () => {
      throw new Error('looked up');
    });
    expect(await take(4)).toEqual(['10.0.0.1=itself', 'fd00::1=itself', '/db', '10.0.0.1=itself']);
    expect(made.size).toBe(3);
  });

  test('every address of a name is one, looked up anew in each round', async () => {
    const answers = [['10.0.0.1', 'fd00::1'], ['10.0.0.9'], ['10.0.0.9', '10.0.0.9', '10.0.0.8']];
    const { made, take } = rotation('tcp:nb:1,unix:/db', async () => answers.shift() ?? []);
    expect(made.size).toBe(2);
    expect(await take(3)).toEqual(['nb=10.0.0.1', 'nb=fd00::1', '/db']);
    expect(made.size).toBe(3);
    expect(await take(2)).toEqual(['nb=10.0.0.9', '/db']);
    expect(made.size).toBe(2);
    expect(await take(3)).toEqual(['nb=10.0.0.9', 'nb=10.0.0.8', '/db']);
  });

  test('in another order for another client, with every one in each round', async () => {
    const { take } = rotation(
      'tcp:nb:1',
      async () => ['a', 'b', 'c'],
      () => 0,
    );
    const round = await take(3);
    expect(round).not.toEqual(['nb=a', 'nb=b', 'nb=c']);
    expect(new Set(round)).toEqual(new Set(['nb=a', 'nb=b', 'nb=c']));
  });
});

describe('a name', () => {
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND nb'), { code: 'ENOTFOUND' });
  const temporary = Object.assign(new Error('getaddrinfo EAI_AGAIN nb'), { code: 'EAI_AGAIN' });

  test.each<[string, Lookup, string]>([
    ['without an address', async () => [], 'no-such-host'],
    ['that is unknown', () => Promise.reject(unknown), 'no-such-host'],
    ['that nobody answers for', () => Promise.reject(temporary), 'no-name-server'],
  ])('%s is one failed attempt, and the next remote follows', async (_what, lookup, problem) => {
    const { made, take } = rotation('tcp:nb:1,unix:/db', lookup);
    expect(await take(3)).toEqual([problem, '/db', problem]);
    expect(made.size).toBe(2);
  });

  test('whose resolver hangs is given up in time, and not asked a second time meanwhile', async () => {
    let questions = 0;
    const { made, clock } = rotation('tcp:nb:1', () => {
      questions += 1;
      return new Promise(() => undefined);
    });
    for (let round = 0; round < 3; round++) {
      const next = made.next(new AbortController().signal).catch((error: unknown) => String(error));
      clock.advance(1_000);
      expect(await next).toMatch(/cannot connect to tcp:nb:1: the name was not answered for within 1000 ms/);
    }
    expect(questions).toBe(1);
  });

  test('is not waited for by a client that closes', async () => {
    const { made } = rotation('tcp:nb:1', () => new Promise(() => undefined));
    const abort = new AbortController();
    const next = made.next(abort.signal).catch(failure);
    abort.abort(new Error('closed'));
    expect(await next).toBe('closed');
  });

  test('has others as soon as it stands for another address', async () => {
    let answer = ['10.0.0.1'];
    const { made } = rotation('tcp:nb:1', async () => answer);
    const { signal } = new AbortController();
    const endpoint = await made.next(signal);
    expect(await made.hasOthers(endpoint, signal)).toBe(false);
    answer = ['10.0.0.1', '10.0.0.2'];
    expect(await made.hasOthers(endpoint, signal)).toBe(true);
    expect(made.size).toBe(2);
  });
});
