import { describe, expect, it } from 'vitest';
import type { Logger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { ChangeLog } from './change-log.ts';
import type { PlanningStep } from './planner.ts';

const NOTHING: PlanningStep = {
  causes: new Set(),
  loss: { objects: new Map(), prefixes: new Set() },
  touched: new Set(),
  exposed: [],
  withdrawn: [],
  denied: [],
};

function makeLog(): { readonly log: ChangeLog; readonly clock: VirtualClock; readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push(`${level} ${message}: ${String(fields.subject ?? fields.object)}`);
    };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  const clock = new VirtualClock();
  return { log: new ChangeLog(logger, clock), clock, lines };
}

const WAITS = [{ subject: '172.24.4.10/32', reason: 'no patch port' }];

describe('ChangeLog', () => {
  it('says once that something waits, warns when it waits long, and says when it ends', () => {
    const { log, clock, lines } = makeLog();
    log.decisions(NOTHING, WAITS);
    log.decisions(NOTHING, WAITS);
    expect(lines).toEqual(['info waiting: 172.24.4.10/32']);
    clock.advance(10_000);
    expect(lines.at(-1)).toBe('warn still waiting: 172.24.4.10/32');
    log.decisions(NOTHING, []);
    clock.advance(60_000);
    expect(lines.slice(2)).toEqual(['info no longer waiting: 172.24.4.10/32']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not warn of what waited a moment, nor after it was closed', () => {
    const { log, clock, lines } = makeLog();
    log.decisions(NOTHING, WAITS);
    log.decisions(NOTHING, []);
    log.decisions(NOTHING, WAITS);
    log.close();
    clock.advance(60_000);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('says once that a change fails, and again when it fails for another reason', () => {
    const { log, lines } = makeLog();
    const change = {
      op: 'add',
      key: 'sysctl a',
      desired: {
        object: { kind: 'sysctl', path: 'a', value: '1' },
        role: 'wire',
        requires: [],
        because: 'a test',
      },
    } as const;
    const fail = (message: string): void =>
      log.changes([{ change, problem: { code: 'failed', message } }], [], 'all');
    fail('EPERM');
    fail('EPERM');
    fail('EINVAL');
    expect(lines).toHaveLength(2);
    expect([...log.failing.values()]).toEqual(['EINVAL']);
    log.changes([{ change }], [], 'all');
    expect(lines.at(-1)).toMatch(/^info add sysctl/);
    expect(log.failing.size).toBe(0);
  });
});
