import { describe, expect, it } from 'vitest';
import { isMonitor } from './inspect.ts';
import { daemonArgv, processSpecs } from './processes.ts';
import type { LocalOvnSettings } from './types.ts';

const SETTINGS: LocalOvnSettings = {
  chassis: 'bgp',
  nbRemote: 'unix:/run/ovn-bgp/ovnnb_db.sock',
  runDir: '/run/ovn-bgp',
  databaseDir: '/var/lib/ovn-bgp',
  logDir: '/var/log/ovn',
  switchRemote: 'unix:/run/openvswitch/db.sock',
  switchRunDir: '/run/openvswitch',
  externalNics: ['nic1'],
};
const SPECS = processSpecs(SETTINGS, undefined);

describe('the four processes', () => {
  it('share no file', () => {
    const files = Object.values(SPECS).flatMap(({ pidFile, controlSocket, logFile }) => [
      pidFile,
      controlSocket,
      logFile,
    ]);
    expect(new Set(files).size).toBe(files.length);
  });

  it('are recognised by their own command lines, and no other', () => {
    for (const spec of Object.values(SPECS)) {
      const argv = daemonArgv(spec, true);
      const recognised = Object.values(SPECS).filter((other) => other.recognises(argv));
      expect(recognised.map(({ name }) => name)).toEqual([spec.name]);
    }
  });

  it('are not taken for those of the cloud', () => {
    const cloud = [
      ['ovsdb-server', '/var/lib/ovn/ovnnb_db.db', '--remote=punix:/run/ovn/ovnnb_db.sock'],
      ['ovn-northd', '--ovnnb-db=unix:/run/ovn/ovnnb_db.sock', '--ovnsb-db=unix:/run/ovn/ovnsb_db.sock'],
      ['ovn-controller', 'unix:/run/openvswitch/db.sock', '--pidfile'],
      ['ovn-controller', '-n', 'other', 'unix:/run/openvswitch/db.sock'],
    ];
    for (const argv of cloud) {
      expect(Object.values(SPECS).filter((spec) => spec.recognises(argv))).toEqual([]);
    }
  });

  it('are found where the operator put the Southbound database', () => {
    const moved = processSpecs(SETTINGS, 'unix:/run/mine/sb.sock');
    expect(moved.northd.argv).toContain('--ovnsb-db=unix:/run/mine/sb.sock');
    expect(moved.sb.recognises(['ovsdb-server', '/x.db', '--remote=punix:/run/mine/sb.sock'])).toBe(true);
  });

  it('are told from their monitors', () => {
    expect(isMonitor(['ovn-northd: monitoring pid 719 (healthy)'])).toBe(true);
    expect(isMonitor(daemonArgv(SPECS.northd, true))).toBe(false);
  });
});
