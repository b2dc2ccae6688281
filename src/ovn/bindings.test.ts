import { describe, expect, it } from 'vitest';
import { type BindingsQuestion, needsBindings } from './bindings.ts';
import { createNorthboundTopology } from './northbound.ts';
import { ids, type RouterCloud, routerCloud, TEST_IDENTITY } from './testing-routers.ts';

/** A switch with a localnet port and one port, as an operator makes them with ovn-nbctl. */
function plainCloud(options: Parameters<typeof routerCloud>[0] = {}): RouterCloud {
  return routerCloud({
    rows: (tx) => {
      tx.insert('Logical_Switch', { name: 'lan', ports: ['localnet', 'vm'] }, 'lan');
      tx.insert(
        'Logical_Switch_Port',
        { name: 'out', type: 'localnet', options: ids({ network_name: 'physnet1' }) },
        'localnet',
      );
      tx.insert(
        'Logical_Switch_Port',
        {
          name: 'vm',
          addresses: ['02:00:00:00:00:01 192.0.2.10', '02:00:00:00:00:01 2001:db8::10'],
          up: true,
        },
        'vm',
      );
    },
    ...options,
  });
}

describe('a port of plain OVN', () => {
  it('is read from what OVN itself has', () => {
    expect(plainCloud().get('port', 'vm')).toMatchObject({
      addressTexts: ['02:00:00:00:00:01 192.0.2.10', '02:00:00:00:00:01 2001:db8::10'],
      networkName: 'lan',
      network: { name: 'lan', localnets: [{ name: 'out' }] },
      residence: { kind: 'nowhere' },
      active: true,
    });
  });

  it('is where its binding is', () => {
    const { changeBindings, get } = plainCloud();
    const residence = () => get('port', 'vm').residence;
    const bound = changeBindings((tx) =>
      tx.insert('Port_Binding', { logical_port: 'vm', chassis: 'c1', up: true }, 'b'),
    );
    expect(bound).toEqual(['port:vm']);
    expect(residence()).toEqual({ kind: 'here' });
    changeBindings((tx) => tx.update('Port_Binding', 'b', { up: false }));
    expect(residence()).toEqual({ kind: 'down' });
    changeBindings((tx) => tx.update('Port_Binding', 'b', { chassis: 'c2', additional_chassis: ['c1'] }));
    expect(residence()).toEqual({ kind: 'migrating', up: false, main: false });
    changeBindings((tx) => tx.update('Port_Binding', 'b', { additional_chassis: [] }));
    expect(residence()).toEqual({ kind: 'elsewhere', node: 'C2' });
    expect(changeBindings((tx) => tx.update('Chassis', 'c2', { name: 'C1' }))).toEqual(['port:vm']);
    expect(residence()).toEqual({ kind: 'down' });
    expect(changeBindings((tx) => tx.delete('Port_Binding', 'b'))).toEqual(['port:vm']);
    expect(residence()).toEqual({ kind: 'nowhere' });
  });

  it.each([
    ['cmp-1', { kind: 'here' }],
    ['C1', { kind: 'here' }],
    ['C2', { kind: 'elsewhere', node: 'C2' }],
    ['C2,C1', { kind: 'migrating', up: true, main: false }],
  ])('that requests chassis %s needs no binding', (requested, residence) => {
    const { change, get } = plainCloud();
    change((tx) =>
      tx.update('Logical_Switch_Port', 'vm', { options: ids({ 'requested-chassis': requested }) }),
    );
    expect(get('port', 'vm').residence).toEqual(residence);
  });

  it('is nowhere without any word of the Southbound database', () => {
    const { db } = plainCloud();
    const alone = createNorthboundTopology(db.views, TEST_IDENTITY);
    expect(alone.resolve('port:vm')).toMatchObject({ residence: { kind: 'nowhere' } });
  });

  it('is one of Neutron that is told not to count', () => {
    const { change, changeBindings, get } = plainCloud({ cms: 'ovn' });
    changeBindings((tx) => tx.insert('Port_Binding', { logical_port: 'vm', chassis: 'c1', up: true }, 'b'));
    const external = ids({
      'neutron:network_name': 'another',
      'neutron:host_id': 'cmp-2',
      'neutron:cidrs': 'x',
    });
    change((tx) => tx.update('Logical_Switch_Port', 'vm', { external_ids: external }));
    expect(get('port', 'vm')).toMatchObject({ networkName: 'lan', cidrs: [], residence: { kind: 'here' } });
  });
});

it('an external port is where its binding is, whatever Neutron says of its host', () => {
  const { change, changeBindings, get } = routerCloud();
  change((tx) =>
    tx.update('Logical_Switch_Port', 'vm', {
      type: 'external',
      external_ids: ids({ 'neutron:network_name': 'neutron-tenant', 'neutron:host_id': 'cmp-1' }),
    }),
  );
  expect(get('port', 'vm').residence).toEqual({ kind: 'nowhere' });
  changeBindings((tx) =>
    tx.insert('Port_Binding', { logical_port: 'vm', type: 'external', chassis: 'c1', up: true }, 'b'),
  );
  expect(get('port', 'vm').residence).toEqual({ kind: 'here' });
});

it('everything is read again after new contents of either database', () => {
  const { topology } = routerCloud();
  expect(topology.affected({ cause: 'snapshot', changes: {} })).toBe('all');
  expect(topology.affectedByBindings({ cause: 'snapshot', changes: {} })).toBe('all');
});

describe('bindings are needed', () => {
  const asks = ({ db }: RouterCloud, question: Partial<BindingsQuestion> = {}): boolean =>
    needsBindings(
      { ports: db.views.Logical_Switch_Port, routerPorts: db.views.Logical_Router_Port },
      { cms: 'auto', gatewaysTold: true, external: false, ...question },
    );

  it('for ports of plain OVN that request no chassis', () => {
    const cloud = plainCloud();
    expect(asks(cloud)).toBe(true);
    expect(asks(cloud, { cms: 'neutron' })).toBe(false);
    cloud.change((tx) =>
      tx.update('Logical_Switch_Port', 'vm', { options: ids({ 'requested-chassis': 'C1' }) }),
    );
    expect(asks(cloud)).toBe(false);
    cloud.change((tx) => tx.update('Logical_Switch_Port', 'vm', { type: 'virtual' }));
    expect(asks(cloud)).toBe(true);
  });

  it('for no port of Neutron, unless told that it does not count', () => {
    expect(asks(routerCloud())).toBe(false);
    expect(asks(routerCloud(), { cms: 'ovn' })).toBe(false);
    const unpinned = routerCloud();
    unpinned.change((tx) => tx.update('Logical_Switch_Port', 'vm', { options: ids({}) }));
    expect(asks(unpinned)).toBe(false);
    expect(asks(unpinned, { cms: 'ovn' })).toBe(true);
  });

  it('for gateways where the server cannot tell where they are', () => {
    expect(asks(routerCloud(), { gatewaysTold: false })).toBe(true);
    const without = routerCloud();
    without.change((tx) => tx.update('Logical_Router_Port', 'gw', { gateway_chassis: [] }));
    expect(asks(without, { gatewaysTold: false })).toBe(false);
  });

  it('for external ports if they are to be exposed', () => {
    const cloud = routerCloud();
    cloud.change((tx) => tx.update('Logical_Switch_Port', 'vm', { type: 'external' }));
    expect(asks(cloud)).toBe(false);
    expect(asks(cloud, { external: true })).toBe(true);
  });
});
