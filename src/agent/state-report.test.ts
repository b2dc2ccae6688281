import { describe, expect, it } from 'vitest';
import type { Logger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { type Known, StateReport } from './state-report.ts';

const WELL: Known = {
  state: 'in sync',
  sinceMs: 0,
  concerns: [],
  failing: 0,
  blocked: 0,
  waiting: 0,
  pending: 0,
  conflicts: [],
  holding: false,
  notAdvertised: 0,
  troubles: [],
  wanted: 3,
  notAnnounced: 0,
};
const STARTING: Known = { ...WELL, state: 'starting', wanted: 0 };
const FAILING: Known = { ...WELL, state: 'degraded', failing: 2, notAnnounced: 1 };
const BLOCKED: Known = { ...WELL, state: 'degraded', blocked: 1, notAnnounced: 1 };
const MISSING: Known = { ...WELL, state: 'waiting', pending: 1, notAnnounced: 1 };
const TROUBLE: Known['troubles'][number] = {
  database: 'OVN_Northbound',
  problem: 'wrong-database',
  text: 'it has OVN_Southbound',
  lasting: true,
};

function reporting(first: Known) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const statuses: string[] = [];
  let known = first;
  let ready = 0;
  const at =
    (level: string) =>
    (_: object, message: string): void =>
      void lines.push(`${level} ${message}`);
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  const report = new StateReport({
    know: () => known,
    clock,
    log,
    intervalMs: 300_000,
    onReady: () => {
      ready += 1;
    },
    onStatus: (text) => statuses.push(text),
  });
  return {
    clock,
    lines,
    statuses,
    report,
    ready: () => ready,
    become: (next: Known): void => {
      known = next;
      report.settled();
    },
  };
}

const IN_SYNC = 'info the node holds what it should';

describe('the state of the agent', () => {
  it('is well and ready at once when nothing is missing, and not said again', () => {
    const { clock, lines, statuses, ready, become, report } = reporting(STARTING);
    become(WELL);
    clock.advance(3_000_000);
    expect([lines, ready()]).toEqual([[IN_SYNC], 1]);
    expect(statuses.at(-1)).toBe('in sync: 3 addresses are announced');
    report.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['fails', FAILING, 'warn degraded: 1 of 3 addresses are not announced; 2 changes fail'],
    ['is blocked', BLOCKED, 'warn degraded: 1 of 3 addresses are not announced; 1 object is blocked'],
    [
      'is missing',
      MISSING,
      'info waiting for others: 1 of 3 addresses are not announced; 1 thing is missing',
    ],
  ])('never says that all is well while something %s, and says it again and again', (_, state, line) => {
    const { clock, lines, statuses, become } = reporting(STARTING);
    become(state);
    clock.advance(700_000);
    expect(lines).toEqual([line, line, line]);
    expect(`info ${statuses.at(-1)}`).toContain('1 of 3 addresses are not announced');
    become(WELL);
    clock.advance(10_000);
    expect(lines.at(-1)).toBe(IN_SYNC);
  });

  it('is ready when nothing of its own doing is left, whatever others leave undone', () => {
    for (const state of [BLOCKED, MISSING, WELL]) {
      const { ready, become } = reporting(STARTING);
      become(state);
      expect(ready()).toBe(1);
    }
  });

  it('is ready late when changes fail, and does not wait for them for ever', () => {
    const { clock, ready, become } = reporting(STARTING);
    become(FAILING);
    clock.advance(29_000);
    expect(ready()).toBe(0);
    clock.advance(2_000);
    expect(ready()).toBe(1);
  });

  it('is ready as soon as what failed is in place', () => {
    const { clock, ready, become } = reporting(STARTING);
    become(FAILING);
    clock.advance(2_000);
    become(WELL);
    expect(ready()).toBe(1);
  });

  it('tells a state that lasts, not one that passes', () => {
    const { clock, lines, become } = reporting(STARTING);
    become(WELL);
    for (let round = 0; round < 5; round++) {
      become(MISSING);
      clock.advance(2_000);
      become(WELL);
      clock.advance(20_000);
    }
    expect(lines).toEqual([IN_SYNC]);
  });

  it('says what it waits for at a start, again and again, and is not ready', () => {
    const { clock, lines, statuses, ready } = reporting({ ...STARTING, troubles: [TROUBLE] });
    clock.advance(601_000);
    const line =
      'warn starting: nothing was changed yet; OVN_Northbound cannot be read: it has OVN_Southbound';
    expect(lines).toEqual([line, line, line]);
    expect(`warn ${statuses.at(-1)}`).toBe(line);
    expect(ready()).toBe(0);
  });

  it('says that a database is away, and when it is back', () => {
    const { clock, lines, become } = reporting(STARTING);
    become(WELL);
    become({ ...WELL, troubles: [TROUBLE] });
    clock.advance(10_000);
    become(WELL);
    clock.advance(10_000);
    expect(lines).toEqual([
      IN_SYNC,
      'warn degraded: 3 addresses are announced; OVN_Northbound cannot be read: it has OVN_Southbound',
      IN_SYNC,
    ]);
  });
});
