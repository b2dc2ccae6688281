import { expect, it } from 'vitest';
import { type MonitorRow, monitorKey, offlineVips } from './member-health.ts';

const VIP = '10.0.0.50:80';
const monitor = (status: string | undefined, changes: Partial<MonitorRow> = {}): MonitorRow => ({
  ip: '10.0.0.8',
  port: 8080,
  protocol: 'tcp',
  logical_port: 'vm',
  status,
  ...changes,
});

function offline(
  members: string,
  monitors: readonly MonitorRow[],
  { protocol, checked = true }: { readonly protocol?: string; readonly checked?: boolean } = {},
): boolean {
  const found = offlineVips({
    vips: new Map([[VIP, members]]),
    protocol,
    isChecked: () => checked,
    monitorsOf: (_, key) => monitors.filter((row) => monitorKey(row) === key),
  });
  expect(['', VIP]).toContain(found.join());
  return found.length > 0;
}

const SIX = monitor('error', { ip: 'FD00::8' });

it.each<[string, boolean, string, readonly MonitorRow[]]>([
  ['whose only member is offline', true, '10.0.0.8:8080', [monitor('offline')]],
  ['whose members are offline or in error', true, '10.0.0.8:8080, [fd00::8]:8080', [monitor('offline'), SIX]],
  ['with a member online', false, '10.0.0.8:8080', [monitor('online')]],
  ['with a member that has not been checked yet', false, '10.0.0.8:8080', [monitor(undefined)]],
  ['with a member that nobody checks', false, '10.0.0.8:8080,10.0.0.9:8080', [monitor('offline')]],
  [
    'with a member that is checked as several, one online',
    false,
    '10.0.0.8:8080',
    [monitor('offline'), monitor('online')],
  ],
  ['with a member on another port', false, '10.0.0.8:80', [monitor('offline')]],
  ['with a member of another protocol', false, '10.0.0.8:8080', [monitor('offline', { protocol: 'udp' })]],
  ['with a member that is no address', false, 'junk', [monitor('offline')]],
  ['without members', false, '', [monitor('offline')]],
])('a VIP %s is offline: %s', (_, expected, members, monitors) => {
  expect(offline(members, monitors)).toBe(expected);
});

it('a VIP without a health check is never offline', () => {
  expect(offline('10.0.0.8:8080', [monitor('offline')], { checked: false })).toBe(false);
});

it('a monitor is of the protocol of its load balancer', () => {
  expect(offline('10.0.0.8:8080', [monitor('offline', { protocol: 'udp' })], { protocol: 'udp' })).toBe(true);
});
