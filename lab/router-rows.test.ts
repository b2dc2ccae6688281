import { describe, expect, it } from 'vitest';
import { FLAT_NETWORK } from './content.ts';
import { chassisNamed } from './layout.ts';
import { networkOperations } from './neutron-rows.ts';
import {
  floatingIpOperations,
  loadBalancerOperations,
  type RouterSpec,
  routerOperations,
} from './router-rows.ts';

const PRIVATE = {
  id: 'private-id',
  name: 'private',
  subnets: [{ id: 'subnet-id', prefix: '192.168.100.0', length: 24, gateway: '192.168.100.1' }],
};
const ROUTER: RouterSpec = {
  id: 'router-id',
  name: 'router1',
  sourceNat: true,
  gatewayNodes: ['gw1', 'compute2'],
  gateway: {
    portId: 'gateway-id',
    network: FLAT_NETWORK,
    mac: 'fa:16:3e:00:00:f0',
    addresses: ['172.24.4.50', '2001:db8:4::50'],
  },
  interfaces: [
    { portId: 'interface-id', network: PRIVATE, mac: 'fa:16:3e:00:00:f1', addresses: ['192.168.100.1'] },
  ],
};

function rowsOf(
  operations: readonly Readonly<Record<string, unknown>>[],
  table: string,
): Record<string, unknown>[] {
  return operations
    .filter((operation) => operation.op === 'insert' && operation.table === table)
    .map((operation) => operation.row as Record<string, unknown>);
}

describe('routers as Neutron writes them', () => {
  it('have a gateway port with its chassis, interfaces, default routes of both families and translation', () => {
    const operations = routerOperations(ROUTER);
    const ports = rowsOf(operations, 'Logical_Router_Port');
    expect(ports.map(({ name, networks }) => [name, networks])).toEqual([
      ['lrp-gateway-id', ['set', ['172.24.4.50/24', '2001:db8:4::50/64']]],
      ['lrp-interface-id', ['set', ['192.168.100.1/24']]],
    ]);
    const [first, second] = (['gw1', 'compute2'] as const).map((name) => chassisNamed(name).systemId);
    expect(rowsOf(operations, 'Gateway_Chassis')).toEqual([
      { name: `lrp-gateway-id_${first}`, chassis_name: first, priority: 2 },
      { name: `lrp-gateway-id_${second}`, chassis_name: second, priority: 1 },
    ]);
    expect(rowsOf(operations, 'Logical_Router_Static_Route')).toMatchObject([
      { ip_prefix: '0.0.0.0/0', nexthop: '172.24.4.1' },
      { ip_prefix: '::/0', nexthop: '2001:db8:4::' },
    ]);
    expect(rowsOf(operations, 'NAT')).toMatchObject([{ type: 'snat', external_ip: '172.24.4.50' }]);
    expect(rowsOf(routerOperations({ ...ROUTER, sourceNat: false }), 'NAT')).toEqual([]);
  });

  it('use each symbol of the transaction once', () => {
    const symbols = routerOperations(ROUTER).flatMap((operation) => operation['uuid-name'] ?? []);
    expect(new Set(symbols).size).toBe(symbols.length);
  });

  it('carry floating IPs that live where their port does', () => {
    const ip = {
      id: 'fip-id',
      address: '172.24.4.120',
      mac: 'fa:16:3e:00:00:e2',
      portId: 'vm-id',
      logicalAddress: '192.168.100.20',
    };
    expect(rowsOf(floatingIpOperations(ROUTER, ip, 'gateway-row'), 'NAT')).toMatchObject([
      {
        type: 'dnat_and_snat',
        external_mac: ip.mac,
        logical_port: 'vm-id',
        gateway_port: ['uuid', 'gateway-row'],
      },
    ]);
  });

  it('carry load balancers, whose address is bound to nothing', () => {
    const operations = loadBalancerOperations(ROUTER, {
      id: 'lb-id',
      vip: '172.24.4.60',
      vipPort: { id: 'vip-id', mac: 'fa:16:3e:00:00:60', network: FLAT_NETWORK },
      port: 80,
      members: ['192.168.100.20', '192.168.100.30'],
      memberPort: 8080,
      memberNetwork: PRIVATE,
    });
    const [port] = rowsOf(operations, 'Logical_Switch_Port');
    expect(port).toMatchObject({ addresses: ['set', []] });
    expect(rowsOf(operations, 'Load_Balancer')).toMatchObject([
      { vips: ['map', [['172.24.4.60:80', '192.168.100.20:8080,192.168.100.30:8080']]] },
    ]);
  });
});

it('a tenant network has no localnet port', () => {
  expect(rowsOf(networkOperations(PRIVATE), 'Logical_Switch_Port')).toEqual([]);
  expect(rowsOf(networkOperations(FLAT_NETWORK), 'Logical_Switch_Port')).toHaveLength(1);
});
