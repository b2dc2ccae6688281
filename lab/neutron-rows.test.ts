import { describe, expect, it } from 'vitest';
import { FLAT_NETWORK, VLAN_NETWORK } from './content.ts';
import {
  deletePortOperations,
  networkOperations,
  portOperations,
  rescheduleOperations,
  virtualPortOperations,
  withLength,
} from './neutron-rows.ts';

const PORT = {
  id: 'port-id',
  name: 'web',
  network: FLAT_NETWORK,
  mac: 'fa:16:3e:00:00:01',
  addresses: ['172.24.4.10', '2001:db8:4::10'],
  host: 'compute1',
  deviceId: 'device-id',
};

function row(operations: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown> {
  return (operations[0]?.row ?? {}) as Record<string, unknown>;
}

function entries(value: unknown): Record<string, string> {
  return Object.fromEntries((value as ['map', [string, string][]])[1]);
}

describe('rows as Neutron writes them', () => {
  it('has a port with its addresses, its host and its subnet lengths', () => {
    const written = row(portOperations(PORT));
    expect(written.name).toBe('port-id');
    expect(written.addresses).toBe('fa:16:3e:00:00:01 172.24.4.10 2001:db8:4::10');
    expect(written.port_security).toEqual(['set', ['fa:16:3e:00:00:01 172.24.4.10 2001:db8:4::10']]);
    expect(entries(written.options)['requested-chassis']).toBe('compute1');
    expect(entries(written.external_ids)).toMatchObject({
      'neutron:cidrs': '172.24.4.10/24 2001:db8:4::10/64',
      'neutron:host_id': 'compute1',
      'neutron:device_owner': 'compute:nova',
      'neutron:network_name': `neutron-${FLAT_NETWORK.id}`,
    });
  });

  it('lets the parent of a virtual port send from its address', () => {
    const written = row(portOperations({ ...PORT, allowedAddresses: ['172.24.4.100'] }));
    expect(written.port_security).toEqual([
      'set',
      ['fa:16:3e:00:00:01 172.24.4.10 2001:db8:4::10', 'fa:16:3e:00:00:01 172.24.4.100'],
    ]);
    const virtual = row(
      virtualPortOperations({ ...PORT, address: '172.24.4.100', parents: ['port-id', 'other-id'] }),
    );
    expect(virtual.type).toBe('virtual');
    expect(entries(virtual.options)).toMatchObject({
      'virtual-ip': '172.24.4.100',
      'virtual-parents': 'port-id,other-id',
    });
  });

  it('tags the localnet port of a VLAN network and no other', () => {
    expect(row(networkOperations(VLAN_NETWORK)).tag).toBe(100);
    expect(row(networkOperations(FLAT_NETWORK))).not.toHaveProperty('tag');
    expect(row(networkOperations(FLAT_NETWORK)).name).toBe(`provnet-${FLAT_NETWORK.segmentId}`);
  });

  it('wants a port on both hosts during a live migration and keeps it on the source', () => {
    const [operation] = rescheduleOperations('port-id', ['compute1', 'compute2'], 7);
    const inserted = ((operation?.mutations ?? []) as [string, string, unknown][])
      .filter(([, verb]) => verb === 'insert')
      .map(([column, , value]) => [column, entries(value)]);
    expect(inserted).toEqual([
      ['options', { 'requested-chassis': 'compute1,compute2' }],
      ['external_ids', { 'neutron:host_id': 'compute1', 'neutron:revision_number': '7' }],
    ]);
  });

  it('takes a port out of its switch to delete it', () => {
    expect(deletePortOperations(FLAT_NETWORK, 'row-uuid')).toMatchObject([
      { table: 'Logical_Switch', mutations: [['ports', 'delete', ['uuid', 'row-uuid']]] },
    ]);
  });

  it('has no length for an address of a family that the network lacks', () => {
    expect(withLength(FLAT_NETWORK, '2001:db8:4::9')).toBe('2001:db8:4::9/64');
    expect(() => withLength({ ...FLAT_NETWORK, subnets: [] }, '172.24.4.9')).toThrow(/no subnet/);
  });
});
