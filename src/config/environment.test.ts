import { describe, expect, it } from 'vitest';
import { serviceEnvironment } from './environment.ts';

const NONE = { notifySocket: undefined, watchdogMs: undefined };

describe('serviceEnvironment', () => {
  it.each([
    ['nothing', {}, NONE],
    ['a path', { NOTIFY_SOCKET: '/run/n' }, { ...NONE, notifySocket: '/run/n' }],
    ['an abstract name', { NOTIFY_SOCKET: '@n' }, { ...NONE, notifySocket: '@n' }],
    ['what is no address', { NOTIFY_SOCKET: 'vsock:1:2' }, NONE],
    ['an empty address', { NOTIFY_SOCKET: '' }, NONE],
    ['a watchdog', { WATCHDOG_USEC: '60000000' }, { ...NONE, watchdogMs: 60_000 }],
    ['a watchdog for this process', { WATCHDOG_USEC: '1000', WATCHDOG_PID: '7' }, { ...NONE, watchdogMs: 1 }],
    ['a watchdog for another process', { WATCHDOG_USEC: '1000', WATCHDOG_PID: '8' }, NONE],
    ['a watchdog that is no number', { WATCHDOG_USEC: 'often' }, NONE],
    ['a watchdog of zero', { WATCHDOG_USEC: '0' }, NONE],
  ])('reads %s', (_, variables, expected) => {
    expect(serviceEnvironment(variables, 7)).toEqual(expected);
  });
});
