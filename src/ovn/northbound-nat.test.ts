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
    ['False', 'vm', 'fa:16:3e:00:00:f0', 'distributed'],
    ['False', 'vm', undefined, 'centralised'],
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
    change((tx) => tx.update('NAT', 'fip', { external_mac: undefined }));
    const mode = (text: string) =>
      change((tx) =>
        tx.update('NB_Global', 'global', { external_ids: ids({ 'neutron:fip-distributed': text }) }),
      );
    expect(mode('true')).toEqual([]);
    expect(mode('False')).toEqual(['nat:fip']);
  });

  describe('of a router with several gateway ports', () => {
    function cloud() {
      const made = routerCloud();
      made.change((tx) => {
        const mac = 'fa:16:3e:00:00:b0';
        tx.insert(
          'Logical_Router_Port',
          { name: 'lrp-b', mac, networks: ['198.51.100.1/24'], gateway_chassis: ['gc'] },
          'gw b',
        );
        tx.insert('Logical_Switch_Port', { name: 'wire-b', type: 'localnet' }, 'wire-b');
        tx.insert(
          'Logical_Switch_Port',
          { name: 'side-b', type: 'router', options: ids({ 'router-port': 'lrp-b' }) },
          'side-b',
        );
        tx.insert('Logical_Switch', { name: 'outside-b', ports: ['side-b', 'wire-b'] }, 'outside-b');
        tx.update('Logical_Router', 'router', { ports: ['gw', 'gw b', 'in'] });
      });
      const served = () => {
        const { gateways, fault, network } = made.get('nat', 'fip');
        return [fault ?? gateways.map(({ name }) => name).join(), network?.name];
      };
      return { ...made, served };
    }

    it('belongs to the one that it names, else to the one in whose network its address is', () => {
      const { change, served } = cloud();
      expect(served()).toEqual(['lrp-gw', 'neutron-pub']);
      change((tx) => tx.update('NAT', 'fip', { external_ip: '198.51.100.9' }));
      expect(served()).toEqual(['lrp-b', 'outside-b']);
      change((tx) => tx.update('NAT', 'fip', { gateway_port: 'gw' }));
      expect(served()).toEqual(['lrp-gw', 'neutron-pub']);
    });

    it('is left out where OVN cannot tell', () => {
      const { change, served } = cloud();
      change((tx) => tx.update('NAT', 'fip', { external_ip: '203.0.113.9' }));
      expect(served()[0]).toBe('no-network');
      for (const port of ['in', 'nothing']) {
        change((tx) => tx.update('NAT', 'fip', { gateway_port: port }));
        expect(served()[0]).toBe('gateway-port');
      }
    });

    it('is asked again when a network, a MAC address or the set of gateway ports changes', () => {
      const { change, served } = cloud();
      change((tx) => tx.update('NAT', 'fip', { external_ip: '198.51.100.9' }));
      const moved = change((tx) => tx.update('Logical_Router_Port', 'gw b', { networks: ['192.0.2.1/24'] }));
      expect(moved).toContain('nat:fip');
      expect(served()[0]).toBe('no-network');
      expect(change((tx) => tx.update('Logical_Router_Port', 'gw b', { mac: 'junk' }))).toContain('nat:fip');
      expect(served()).toEqual(['lrp-gw', 'neutron-pub']);
      change((tx) => tx.update('Logical_Router_Port', 'gw b', { mac: 'fa:16:3e:00:00:b0' }));
      expect(served()[0]).toBe('no-network');
      change((tx) => tx.update('Logical_Router_Port', 'gw b', { gateway_chassis: [] }));
      expect(served()).toEqual(['lrp-gw', 'neutron-pub']);
    });

    it('belongs to the first by its row where several have the network', () => {
      const { change, served } = cloud();
      change((tx) => tx.update('Logical_Router_Port', 'gw b', { networks: ['172.24.4.3/24'] }));
      expect(served()).toEqual(['lrp-gw', 'neutron-pub']);
    });
  });

  it('of a router that is bound to one chassis is never distributed', () => {
    const { change, get } = routerCloud();
    change((tx) => tx.update('Logical_Router', 'router', { options: ids({ chassis: 'C1' }) }));
    expect(get('nat', 'fip')).toMatchObject({ mode: 'centralised', gateways: [{ name: 'lrp-gw' }] });
    change((tx) => tx.update('NAT', 'fip', { gateway_port: 'gw' }));
    expect(get('nat', 'fip').fault).toBe('gateway-port');
  });

  it('with two sets of outside addresses is left out', () => {
    const { change, get } = routerCloud();
    change((tx) => tx.update('NAT', 'fip', { allowed_ext_ips: 'a' }));
    expect(get('nat', 'fip').fault).toBeUndefined();
    change((tx) => tx.update('NAT', 'fip', { exempted_ext_ips: 'b' }));
    expect(get('nat', 'fip').fault).toBe('address-sets');
  });

  it('tells when its port is switched off', () => {
    const { change, get } = routerCloud();
    expect(change((tx) => tx.update('Logical_Switch_Port', 'vm', { enabled: false }))).toContain('nat:fip');
    expect(get('nat', 'fip').port?.disabled?.uuid).toBe('vm');
  });

  it('without a router keeps the name that its row gives', () => {
    const { change, get } = routerCloud();
    change((tx) => {
      tx.update('Logical_Router', 'router', { nat: [] });
      tx.update('NAT', 'fip', { external_ids: ids({ 'neutron:router_name': 'neutron-r-one' }) });
    });
    expect(get('nat', 'fip')).toMatchObject({
      routerName: 'r-one',
      gateways: [],
      network: undefined,
      fault: 'no-router',
    });
  });

  it.each(['snat', 'dnat'])('of type %s is the outside address of a translation on the gateway', (type) => {
    const { change, get } = routerCloud();
    expect(change((tx) => tx.update('NAT', 'fip', { type }))).toContain('nat:fip');
    expect(get('nat', 'fip')).toMatchObject({ type, mode: 'centralised', gateways: [{ name: 'lrp-gw' }] });
  });

  it('is none of a type that OVN does not know', () => {
    const { change, topology } = routerCloud();
    expect(change((tx) => tx.update('NAT', 'fip', { type: 'nonsense' }))).toEqual(['nat:fip']);
    expect(topology.resolve('nat:fip')).toBeUndefined();
    expect([...topology.companions('port:vm')]).toEqual([]);
  });
});
