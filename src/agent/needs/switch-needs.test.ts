import { expect, it } from 'vitest';
import { parseIp } from '../../base/address.ts';
import { defaultConfig } from '../../config/assemble.ts';
import type { AgentConfig } from '../../config/types.ts';
import type { OvsPort } from '../../openvswitch/types.ts';
import { databaseHosts, databaseNeeds, tunnelEnds, tunnelNeeds } from './switch-needs.ts';

function hosts(
  ids: Readonly<Record<string, string>>,
  settings: Partial<AgentConfig> = {},
): readonly string[] {
  const snapshot = { externalIds: new Map(Object.entries(ids)) };
  return databaseHosts(defaultConfig(settings), snapshot).map(({ host, source }) => `${host} ${source}`);
}

it('names every member of every database that is given', () => {
  const ids = {
    'ovn-remote': 'ssl:10.0.0.1:6642,tcp:[2001:db8::1]:6642, ssl:db-3.example:6642',
    'ovn-nb-remote': 'tcp:10.0.0.1:6641',
    'ovn-remote-bgp': 'tcp:10.0.0.9:6642,unix:/run/x.sock',
    'ovn-remote-probe-interval': '60000',
    'ovn-monitor-all': 'true',
  };
  expect(hosts(ids, { ovnNbConnection: 'tcp:10.0.0.5:6641', ovsdbConnection: 'tcp:127.0.0.1:6640' })).toEqual(
    [
      '10.0.0.5 ovn_nb_connection',
      '127.0.0.1 ovsdb_connection',
      '10.0.0.1 external_ids:ovn-remote',
      '2001:db8::1 external_ids:ovn-remote',
      'db-3.example external_ids:ovn-remote',
      '10.0.0.1 external_ids:ovn-nb-remote',
      '10.0.0.9 external_ids:ovn-remote-bgp',
    ],
  );
});

it('leaves text alone that is no remote', () => {
  expect(hosts({ 'ovn-remote': 'junk,tcp:,tcp:10.0.0.1:99999,tcp:10.0.0.2:6642' })).toEqual([
    '10.0.0.2 external_ids:ovn-remote',
  ]);
});

it('needs each address of a name, an embedded IPv4 address as itself, and nothing of the loopback', () => {
  const addresses = ['10.0.0.1', '::ffff:10.0.0.2', '127.0.0.1'].flatMap((text) => parseIp(text) ?? []);
  expect(databaseNeeds({ host: 'db', source: 'ovn_nb_connection' }, addresses)).toEqual([
    { kind: 'database', prefix: '10.0.0.1/32', what: 'database db of ovn_nb_connection' },
    { kind: 'database', prefix: '10.0.0.2/32', what: 'database db of ovn_nb_connection' },
  ]);
});

it('needs both ends of tunnels', () => {
  const port = (name: string, text?: string): [string, OvsPort] => {
    const tunnelTo = parseIp(text ?? '');
    const far = tunnelTo === undefined ? {} : { tunnelTo };
    return [name, { name, type: 'geneve', tag: undefined, ofport: 1, externalIds: new Map(), ...far }];
  };
  const ports = new Map([port('ovn-a-0', '10.1.0.2'), port('ovn-flow-0'), port('ovn-b-0', '2001:db8::2')]);
  const bridges = new Map([['br-int', { name: 'br-int', datapathType: '', ports }]]);
  const externalIds = new Map([
    ['ovn-encap-ip', '10.1.0.1,10.2.0.1'],
    ['ovn-encap-type', 'geneve'],
    ['ovn-encap-ip-bgp', '10.3.0.1'],
  ]);
  expect(
    tunnelNeeds(tunnelEnds({ externalIds, bridges })).map(({ prefix, what }) => `${prefix} ${what}`),
  ).toEqual([
    '10.1.0.1/32 own tunnel endpoint',
    '10.2.0.1/32 own tunnel endpoint',
    '10.3.0.1/32 own tunnel endpoint',
    '10.1.0.2/32 tunnel endpoint of ovn-a-0',
    '2001:db8::2/128 tunnel endpoint of ovn-b-0',
  ]);
});
