import { describe, expect, test } from 'vitest';

import { newCounters } from './counters.ts';
import type { OvsdbError } from './errors.ts';
import { Session, type SessionHandlers } from './session.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { MemoryTransport } from './testing/memory-transport.ts';

function start(handlers: Partial<SessionHandlers> = {}, inactivityProbeMs = 1_000) {
  const transport = new MemoryTransport('tcp:peer:1');
  const clock = new FakeClock();
  const closed: OvsdbError[] = [];
  const session = new Session(
    transport,
    {
      notification: () => undefined,
      rows: () => undefined,
      closed: (reason) => closed.push(reason),
      ...handlers,
    },
    { inactivityProbeMs, clock, counters: newCounters() },
  );
  return { transport, clock, session, closed };
}

/** One turn of the event loop, with its sockets read. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

async function pass(clock: FakeClock, ms: number): Promise<void> {
  clock.advance(ms);
  await turn();
}

describe('requests', () => {
  test('are matched by id, in any order', async () => {
    const { transport, session } = start();
    const [a, b] = [session.request('one', []), session.request('two', ['x'])];
    expect(transport.sent).toEqual([
      { id: 1, method: 'one', params: [] },
      { id: 2, method: 'two', params: ['x'] },
    ]);
    transport.receive({ id: 2, result: 'B', error: null }, { id: 1, result: 'A', error: null });
    expect(await Promise.all([a, b])).toEqual(['A', 'B']);
  });

  test.each([
    ['unknown method', 'unknown method', undefined],
    [{ error: 'unknown database', details: 'no X' }, 'unknown database', 'no X'],
  ])('an error %j is typed', async (error, code, details) => {
    const { transport, session } = start();
    const request = session.request('get_schema', ['X']);
    transport.receive({ id: 1, result: null, error });
    await expect(request).rejects.toMatchObject({
      name: 'OvsdbRpcError',
      method: 'get_schema',
      code,
      details,
    });
  });

  test('a deadline names what it waited for; a late reply does no harm', async () => {
    const { transport, clock, session, closed } = start();
    const request = session.request('get_schema', ['X'], { timeoutMs: 500 });
    clock.advance(500);
    await expect(request).rejects.toThrow('no reply to get_schema from tcp:peer:1 within 500 ms');
    transport.receive({ id: 1, result: {}, error: null });
    expect(closed).toEqual([]);
  });

  test('a reply that was there when the deadline passed is in time', async () => {
    const { transport, clock, session } = start();
    const request = session.request('get_schema', ['X'], { timeoutMs: 500 });
    clock.advance(5_000);
    transport.receive({ id: 1, result: 'here', error: null });
    expect(await request).toBe('here');
    await turn();
  });

  test('an aborted one is rejected with the reason, and the server forgets it', async () => {
    const { session, transport } = start();
    const abort = new AbortController();
    const request = session.request('transact', [], { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(request).rejects.toThrow('enough');
    expect(transport.sent.at(-1)).toEqual({ id: null, method: 'cancel', params: [1] });
    await expect(session.request('transact', [], { signal: abort.signal })).rejects.toThrow('enough');
  });

  test('thousands wait on one signal without a warning, and one that is settled no longer does', async () => {
    const { session, transport } = start();
    const warnings: string[] = [];
    const onWarning = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', onWarning);
    const abort = new AbortController();
    const requests = Array.from({ length: 1_000 }, () =>
      session.request('transact', [], { signal: abort.signal }).catch((error: Error) => error.message),
    );
    transport.receive({ id: 1, result: [], error: null });
    abort.abort(new Error('enough'));
    const outcomes = await Promise.all(requests);
    expect(outcomes.filter((outcome) => outcome === 'enough')).toHaveLength(999);
    expect(transport.sent.filter(({ method }) => method === 'cancel')).toHaveLength(999);
    await turn();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('are rejected with the reason when the connection ends', async () => {
    const { transport, session, closed } = start();
    const request = session.request('transact', []);
    transport.end(new Error('ECONNRESET'));
    await expect(request).rejects.toMatchObject({ code: 'connection-lost' });
    expect(closed.map((reason) => reason.message)).toEqual(['tcp:peer:1 ended the connection: ECONNRESET']);
    await expect(session.request('transact', [])).rejects.toMatchObject({ code: 'connection-lost' });
  });
});

describe('what the peer sends', () => {
  test('echo is answered with the same id and parameters, other requests are refused', () => {
    const { transport } = start();
    transport.receive({ id: 'echo', method: 'echo', params: [1] }, { id: 9, method: 'steal', params: [] });
    expect(transport.sent).toEqual([
      { id: 'echo', result: [1], error: null },
      { id: 9, result: null, error: 'unknown method' },
    ]);
  });

  test('notifications are handled one after the other; the peer is held up meanwhile', async () => {
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { transport } = start({
      notification: (method) => {
        seen.push(method);
        return method === 'slow' ? gate : undefined;
      },
    });
    transport.receive({ id: null, method: 'slow', params: [] }, { id: null, method: 'next', params: [] });
    transport.receive({ id: null, method: 'last', params: [] });
    expect(seen).toEqual(['slow']);
    expect(transport.paused).toBe(true);
    release();
    await expect.poll(() => seen).toEqual(['slow', 'next', 'last']);
    await expect.poll(() => transport.paused).toBe(false);
  });

  test.each(['garbage', '{"a":}', '{"result":1}', '{"id":"x","result":1}'])(
    '%s ends the session',
    async (text) => {
      const { transport, closed } = start();
      transport.receiveText(text);
      await expect.poll(() => closed.map((reason) => reason.code)).toEqual(['protocol']);
      expect(transport.destroyed).toBe(true);
    },
  );

  test('a handler that throws ends the session', async () => {
    const { transport, closed } = start({
      notification: () => {
        throw new Error('bug');
      },
    });
    transport.receive({ id: null, method: 'update', params: [] });
    await expect
      .poll(() => closed.map((reason) => reason.message))
      .toEqual(['cannot handle what tcp:peer:1 sent: Error: bug']);
  });
});

describe('the inactivity probe', () => {
  test('is sent after silence, and ends the session after silence again', async () => {
    const { transport, clock, session, closed } = start();
    const request = session.request('monitor', []).catch((error: unknown) => error);
    await pass(clock, 999);
    expect(transport.sent).toHaveLength(1);
    await pass(clock, 1);
    expect(transport.sent[1]).toEqual({ id: 'echo', method: 'echo', params: [] });
    await pass(clock, 999);
    expect(closed).toEqual([]);
    await pass(clock, 1);
    expect(closed).toMatchObject([{ code: 'inactive' }]);
    expect(String(await request)).toMatch(/sent nothing for 2000 ms .*; outstanding: monitor/);
  });

  test('judges after what has arrived was read: the program may have held the loop, not the peer its tongue', async () => {
    const { transport, clock, closed } = start();
    await pass(clock, 1_000);
    expect(transport.sent).toHaveLength(1);
    clock.advance(1_200);
    // The answer was in the socket all the time; the timers run before sockets are read.
    transport.receive({ id: 'echo', result: [], error: null });
    await turn();
    expect(closed).toEqual([]);
    await pass(clock, 1_000);
    expect(transport.sent).toHaveLength(2);
  });

  test('any byte puts it off', async () => {
    const { transport, clock, closed } = start();
    for (let turn = 0; turn < 10; turn++) {
      await pass(clock, 900);
      transport.receiveText(' ');
    }
    expect(transport.sent).toEqual([]);
    await pass(clock, 1_000);
    transport.receive({ id: 'echo', result: [], error: null });
    await pass(clock, 999);
    expect(transport.sent).toHaveLength(1);
    // The next silence begins with a probe again, not with the end.
    await pass(clock, 1);
    expect(transport.sent).toHaveLength(2);
    expect(closed).toEqual([]);
  });

  test('can be switched off', () => {
    const { transport, clock } = start({}, 0);
    clock.advance(1_000_000);
    expect(transport.sent).toEqual([]);
  });
});
