import { describe, expect, it } from 'vitest';
import { createSdNotifier } from './sd-notify.ts';

function recorder(result = 0) {
  const sent: [path: string, message: string][] = [];
  const warnings: unknown[] = [];
  const notifier = createSdNotifier('@notify', {
    send: (path, message) => {
      sent.push([path, message]);
      return result;
    },
    logger: { debug: () => undefined, warn: (fields) => warnings.push(fields) },
  });
  return { notifier, sent, warnings };
}

describe('sd_notify', () => {
  it('says each state in the words of sd_notify(3)', () => {
    const { notifier, sent } = recorder();
    expect(notifier.ready('serving')).toBe(true);
    notifier.ready();
    notifier.status('syncing');
    notifier.watchdog();
    notifier.stopping('draining');
    expect(sent).toEqual([
      ['@notify', 'READY=1\nSTATUS=serving'],
      ['@notify', 'READY=1'],
      ['@notify', 'STATUS=syncing'],
      ['@notify', 'WATCHDOG=1'],
      ['@notify', 'STOPPING=1\nSTATUS=draining'],
    ]);
  });

  it('dates a reload on the monotonic clock', () => {
    const { notifier, sent } = recorder();
    const before = process.hrtime.bigint() / 1000n;
    notifier.reloading();
    const stamp = BigInt(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(sent[0]?.[1] ?? '')?.[1] ?? 0);
    expect(stamp).toBeGreaterThanOrEqual(before);
    expect(stamp).toBeLessThanOrEqual(process.hrtime.bigint() / 1000n);
  });

  it('lets no status smuggle in another assignment', () => {
    const { notifier, sent } = recorder();
    notifier.status('row "a\nSTOPPING=1\0" is bad');
    expect(sent).toEqual([['@notify', 'STATUS=row "a STOPPING=1 " is bad']]);
  });

  it('reports a failure as a value and a warning', () => {
    const { notifier, warnings } = recorder(-111);
    expect(notifier.watchdog()).toBe(false);
    expect(warnings).toEqual([{ socket: '@notify', code: 'ECONNREFUSED' }]);
  });

  it.each([undefined, ''])('does nothing without a socket (%j)', (path) => {
    const notifier = createSdNotifier(path, {
      send: () => {
        throw new Error('must not be called');
      },
    });
    expect(notifier.ready()).toBe(false);
  });
});
