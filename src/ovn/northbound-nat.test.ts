import { describe, expect, it } from 'vitest';
import { ids, routerCloud } from './testing-routers.ts';

describe('a floating IP', () => {
  it('is read with its port, its network and its gateways', () => {
    expect(routerCloud().get('nat', 'fip')).toMatchObject({
      key: 'nat:fip',
      from: 'nat-row',
      externalIpText: '172.24.4.100',
      externalMacText: 'fa:16:3e:00:00:f0',
      logicalPortName: 'vm',
      port: { key: 'port:vm', type: '', residence: { kind: 'here' } },
      mode: 'distributed',
      networkName: 'neutron-pub',
      network: { name: 'neutron-pub', localnets: [{ name: 'provnet' }] },
      routerName: 'r-one',
      gateways: [{ key: 'gateway:gw' }],
    });
  });

  it('is asked again when its row changes, and keeps what the row says whatever the port says', () => {
    const { change, get } = routerCloud();
    for (const values of [
      { external_mac: undefined },
      { external_mac: 'fa:16:3e:00:00:f1' },
      { external_ip: '172.24.4.101' },
    ]) {
      expect(change((tx) => tx.update('NAT', 'fip', values))).toEqual(['nat:fip']);
    }
    expect(get('nat', 'fip')).toMatchObject({
      externalIpText: '172.24.4.101',
      externalMacText: 'fa:16:3e:00:00:f1',
    });
    const portIds = ids({ 'neutron:network_name': 'neutron-tenant', 'neutron:port_fip': '172.24.4.199' });
    change((tx) => tx.update('Logical_Switch_Port', 'vm', { external_ids: portIds }));
    expect(get('nat', 'fip').externalIpText).toBe('172.24.4.101');
  });

  it('follows its port, and is its companion', () => {
    const { change, get, topology } = routerCloud();
    expect([...topology.companions('port:vm')]).toEqual(['nat:fip']);
    const moved = change((tx) =>
      tx.update('Logical_Switch_Port', 'vm', { options: ids({ 'requested-chassis': 'cmp-2' }) }),
    );
    expect(moved).toEqual(['nat:fip', 'port:vm']);
    expect(get('nat', 'fip').port?.residence).toEqual({ kind: 'elsewhere', node: 'cmp-2' });
    change((tx) => tx.update('NAT', 'fip', { logical_port: 'another' }));
    expect(get('nat', 'fip')).toMatchObject({ logicalPortName: 'another', port: undefined });
    expect([...topology.companions('port:vm')]).toEqual([]);
    expect(change((tx) => tx.insert('Logical_Switch_Port', { name: 'another' }, 'p2'))).toEqual([
      'nat:fip',
      'port:p2',
    ]);
    expect(get('nat', 'fip').port?.key).toBe('port:p2');
  });

  it.each([
    ['True', 'vm', 'fa:16:3e:00:00:f0', 'distributed'],
    ['True', 'vm', undefined, 'distributed'],
    ['True', undefined, undefined, 'centralised'],
    ['True', '', '', 'centralised'],
    ['False', 'vm', 'fa:16:3e:00:00:f0', 'centralised'],
    ['nonsense', 'vm', 'fa:16:3e:00:00:f0', 'distributed'],
    [undefined, 'vm', 'fa:16:3e:00:00:f0', 'distributed'],
  ] as const)('of Neutron with fip-distributed %s, port %s and MAC %s is %s', (flag, port, mac, mode) => {
    const { change, get } = routerCloud();
    change((tx) => {
      tx.update('NB_Global', 'global', {
        external_ids: ids(flag === undefined ? {} : { 'neutron:fip-distributed': flag }),
      });
      tx.update('NAT', 'fip', { logical_port: port, external_mac: mac });
    });
    expect(get('nat', 'fip').mode).toBe(mode);
  });

  it.each([
    ['vm', 'fa:16:3e:00:00:f0', 'distributed'],
    ['vm', undefined, 'centralised'],
    [undefined, 'fa:16:3e:00:00:f0', 'centralised'],
  ] as const)('of plain OVN with port %s and MAC %s is %s', (port, mac, mode) => {
    const { change, get } = routerCloud();
    change((tx) => tx.update('NAT', 'fip', { external_ids: ids({}), logical_port: port, external_mac: mac }));
    expect(get('nat', 'fip')).toMatchObject({
      mode,
      networkName: 'neutron-pub',
      network: { name: 'neutron-pub' },
    });
  });

  it('all read differently when the cloud changes its mode', () => {
    const { change } = routerCloud();
    const mode = (text: string) =>
      change((tx) =>
        tx.update('NB_Global', 'global', { external_ids: ids({ 'neutron:fip-distributed': text }) }),
      );
    expect(mode('true')).toEqual([]);
    expect(mode('False')).toEqual(['nat:fip']);
  });

  it('has the gateway that it names, else those of the router that contains it', () => {
    const { change, get } = routerCloud();
    change((tx) => {
      tx.insert('Logical_Router_Port', { name: 'lrp-b', gateway_chassis: ['gc'] }, 'gw b');
      tx.update('Logical_Router', 'router', { ports: ['gw', 'gw b', 'in'] });
    });
    const gateways = () => get('nat', 'fip').gateways.map(({ name }) => name);
    expect(gateways()).toEqual(['lrp-b', 'lrp-gw']);
    change((tx) => tx.update('NAT', 'fip', { gateway_port: 'gw' }));
    expect(gateways()).toEqual(['lrp-gw']);
    change((tx) => tx.update('NAT', 'fip', { gateway_port: 'nothing' }));
    expect(gateways()).toEqual(['lrp-b', 'lrp-gw']);
  });

  it('without a router keeps the name that its row gives', () => {
    const { change, get } = routerCloud();
    change((tx) => {
      tx.update('Logical_Router', 'router', { nat: [] });
      tx.update('NAT', 'fip', { external_ids: ids({ 'neutron:router_name': 'neutron-r-one' }) });
    });
    expect(get('nat', 'fip')).toMatchObject({ routerName: 'r-one', gateways: [], network: undefined });
  });

  it('is none of another type', () => {
    const { change, topology } = routerCloud();
    expect(topology.resolve('nat:snat')).toBeUndefined();
    expect(change((tx) => tx.update('NAT', 'fip', { type: 'dnat' }))).toEqual(['nat:fip']);
    expect(topology.resolve('nat:fip')).toBeUndefined();
    expect([...topology.companions('port:vm')]).toEqual([]);
  });
});
