import { describe, expect, it } from 'vitest';
import type { FloatingIp, NatFault, Residence, RowReference } from '../ovn/topology.ts';
import { evaluate } from './evaluate.ts';
import { evaluateFloatingIp } from './floating-ip.ts';
import { denialLines, exposureLines, ip, mac, prefixes, testPolicy, testTenant } from './testing.ts';
import {
  ELSEWHERE,
  floatingIp,
  gateway,
  MAPPINGS,
  natPort,
  on,
  PUB,
  port,
  row,
  TENANT,
  topologyOf,
  VLAN,
} from './testing-records.ts';
import type { ExposurePolicy } from './types.ts';

const POLICY = testPolicy({ bridgeMappings: MAPPINGS });
const OWN_MAC = 'fa:16:3e:ff:ff:31';
const MIGRATING_AWAY: Residence = { kind: 'migrating', up: false, main: true };
const MIGRATING_HERE: Residence = { kind: 'migrating', up: true, main: false };

function decided(changes: Partial<FloatingIp>, policy: Partial<ExposurePolicy> = {}): readonly string[] {
  const verdict = evaluateFloatingIp(floatingIp(changes), { ...POLICY, ...policy });
  return [...exposureLines(verdict), ...denialLines(verdict)];
}

/** Switched off itself. */
function off<T extends { readonly row: RowReference } | undefined>(record: T): T {
  return record === undefined ? record : { ...record, disabled: record.row };
}

describe('a distributed floating IP', () => {
  const own = { externalMacText: OWN_MAC };
  const served = [`172.24.4.131 floating-ip br-ex ${OWN_MAC}`];

  it('says which rows led to it', () => {
    const { exposures } = evaluateFloatingIp(floatingIp(own), POLICY);
    expect(exposures[0]?.because.map((reason) => [reason.row.table, reason.note])).toEqual([
      ['NAT', 'floating IP with a MAC address of its own'],
      ['Logical_Switch_Port', 'bound to this node and up'],
      ['Logical_Switch_Port', 'physical network "physnet1", untagged, bridge br-ex'],
    ]);
  });

  it.each<[string, Partial<FloatingIp>, readonly string[]]>([
    ['where its port is', {}, served],
    ['of a virtual port', { port: natPort('vip', { kind: 'here' }, 'virtual') }, served],
    [
      'on a VLAN',
      { ...on(VLAN), externalIpText: '172.30.0.9' },
      [`172.30.0.9 floating-ip br-ex.100 ${OWN_MAC}`],
    ],
    ['whose gateway is nowhere near', { gateways: [gateway('gateway', { residence: ELSEWHERE })] }, served],
    ['while its port is migrating away', { port: natPort('vm-t1', MIGRATING_AWAY) }, served],
    [
      'not before its port has migrated',
      { port: natPort('vm-t1', MIGRATING_HERE) },
      ['not-bound-here 172.24.4.131'],
    ],
    ['not where its port is not', { port: natPort('vm-t1', ELSEWHERE) }, ['not-bound-here 172.24.4.131']],
    ['not of a port that is down', { port: natPort('vm-t1', { kind: 'down' }) }, ['not-up 172.24.4.131']],
    ['not of a port that is switched off', { port: off(natPort('vm-t1')) }, ['disabled 172.24.4.131']],
    ['not with a gateway that is switched off', { gateways: [off(gateway())] }, ['disabled 172.24.4.131']],
    ['of an external port', { port: natPort('vm-t1', { kind: 'here' }, 'external') }, served],
    ['not of a router port', { port: natPort('x', { kind: 'here' }, 'router') }, ['port-type 172.24.4.131']],
    ['not of a port that does not exist', { port: undefined }, ['no-port 172.24.4.131']],
    ['not without a port', { port: undefined, logicalPortName: undefined }, ['no-port 172.24.4.131']],
    ['not before it has a MAC address', { externalMacText: undefined }, ['no-mac 172.24.4.131']],
    ['not with an empty MAC address', { externalMacText: '' }, ['no-mac 172.24.4.131']],
    ['not with a bad MAC address', { externalMacText: 'junk' }, ['!bad-mac 172.24.4.131']],
    ['not with a bad address', { externalIpText: '172.24.4.131/24' }, ['!bad-address "172.24.4.131/24"']],
    ['not with a loopback address', { externalIpText: '127.0.0.1' }, ['!unannounceable 127.0.0.1']],
    ['not on an unknown network', { network: undefined }, ['!no-network 172.24.4.131']],
    ['not on a network without localnet', { ...on(TENANT) }, ['not-provider 172.24.4.131']],
  ])('is exposed %s', (_, changes, lines) => {
    expect(decided({ ...own, ...changes })).toEqual(lines);
  });

  it('is held back by the allowed prefixes, but by no address scope', () => {
    expect(decided(own, { allowedPrefixes: prefixes('10.0.0.0/8') })).toEqual(['not-allowed 172.24.4.131']);
    expect(decided(own, { tenant: testTenant({ addressScopes: ['a'] }) })).toEqual(served);
  });

  it('of IPv6 has the next hops of routers answered for', () => {
    const network = { ...PUB, gateways6: [ip('2001:db8::1')] };
    expect(decided({ ...own, network, externalIpText: '2001:db8::131' })).toEqual([
      `2001:db8::131 floating-ip br-ex ${OWN_MAC} ndp 2001:db8::1`,
    ]);
  });

  const KEY = floatingIp().key;
  const LAST = new Map([[KEY, mac(OWN_MAC)]]);
  const graced = new Set([port('vm-t1').key]);
  it.each<[string, Residence, Partial<ExposurePolicy>, readonly string[]]>([
    ['while the port migrates', MIGRATING_AWAY, { lastMacs: LAST }, served],
    ['in its grace', { kind: 'down' }, { lastMacs: LAST, graced }, served],
    ['in its grace, if it had one', { kind: 'down' }, { graced }, ['no-mac 172.24.4.131']],
    ['not without grace', { kind: 'here' }, { lastMacs: LAST }, ['no-mac 172.24.4.131']],
  ])('D-29: keeps the MAC address it had %s', (_, residence, policy, lines) => {
    expect(decided({ port: natPort('vm-t1', residence) }, policy)).toEqual(lines);
  });

  it('D-04: derives from its NAT row alone, whatever the port says of it, and follows the row', () => {
    const vm = port('vm-t1', { ...on(TENANT), addressTexts: ['fa:16:3e:00:00:31 192.168.1.31'] });
    const exposed = (fip: FloatingIp): readonly string[] =>
      exposureLines(evaluate(topologyOf(vm, fip), POLICY));
    expect(exposed(floatingIp(own))).toEqual(served);
    expect(exposed(floatingIp({ ...own, externalIpText: '172.24.4.132' }))).toEqual([
      `172.24.4.132 floating-ip br-ex ${OWN_MAC}`,
    ]);
    expect(exposed(floatingIp({ ...own, port: natPort('vm-t2', ELSEWHERE) }))).toEqual([]);
  });

  it('D-13: leaves the address of its port on a provider network where it is', () => {
    const vm = port('vm-t1', { addressTexts: ['fa:16:3e:00:00:31 172.24.4.31'] });
    expect(exposureLines(evaluate(topologyOf(vm, floatingIp(own)), POLICY))).toEqual([
      '172.24.4.31 provider-port br-ex fa:16:3e:00:00:31',
      ...served,
    ]);
  });
});

describe('a centralised floating IP', () => {
  const central = { mode: 'centralised', port: natPort('vm-t1', ELSEWHERE) } as const;
  const served = ['172.24.4.131 central-floating-ip br-ex fa:16:3e:aa:aa:aa'];
  const away = gateway('away', { residence: ELSEWHERE });

  it.each<[string, Partial<FloatingIp>, readonly string[]]>([
    ['with the MAC address of the gateway', {}, served],
    ['whatever MAC address the row has', { externalMacText: OWN_MAC }, served],
    ['not with a bad MAC address', { externalMacText: 'junk' }, ['!bad-mac 172.24.4.131']],
    ['through the one of several gateways that is here', { gateways: [away, gateway()] }, served],
    ['not where the gateway is not', { gateways: [away] }, ['gateway-elsewhere 172.24.4.131']],
    ['not without a gateway', { gateways: [] }, ['no-gateway 172.24.4.131']],
    ['not without a router', { gateways: [], routerName: undefined }, ['!no-router 172.24.4.131']],
    ['whatever port the row names', { port: undefined }, served],
    ['not of a port that is switched off', { port: off(natPort('vm-t1')) }, ['disabled 172.24.4.131']],
    ['not through a gateway that is switched off', { gateways: [off(gateway())] }, ['disabled 172.24.4.131']],
    [
      'with the address of the gateway by that itself',
      { externalIpText: '172.24.4.221' },
      ['gateway-address 172.24.4.221'],
    ],
    ['on the network of the gateway, whatever the row calls it', { network: undefined }, served],
    [
      'on the network of the gateway where the row names none (plain OVN)',
      { network: undefined, networkName: undefined },
      served,
    ],
    [
      'without MAC where that of the gateway is none',
      { gateways: [gateway('gateway', { macText: 'junk' })] },
      ['172.24.4.131 central-floating-ip br-ex'],
    ],
  ])('is exposed %s', (_, changes, lines) => {
    expect(decided({ ...central, ...changes })).toEqual(lines);
  });

  it('D-05: needs no gateway port in its row: any of the router serves', () => {
    expect(decided({ ...central, gateways: [gateway()] })).toEqual(served);
  });

  it('D-27: needs no port, as the members of a load balancer have it', () => {
    expect(decided({ ...central, port: undefined, logicalPortName: undefined })).toEqual(served);
  });

  it('takes the gateway on its own network, of several that are here', () => {
    const other = gateway('a-first', { ...on(VLAN), macText: 'fa:16:3e:00:00:99' });
    expect(decided({ ...central, gateways: [other, gateway()] })).toEqual(served);
  });

  it.each<[NatFault, readonly string[]]>([
    ['no-router', ['!no-router 172.24.4.131']],
    ['no-gateway', ['no-gateway 172.24.4.131']],
    ['gateway-port', ['!no-gateway 172.24.4.131']],
    ['no-network', ['!no-gateway 172.24.4.131']],
    ['address-sets', ['!row-unused 172.24.4.131']],
  ])('is not exposed where OVN leaves its row out: %s', (fault, lines) => {
    expect(decided({ ...central, fault })).toEqual(lines);
    expect(decided({ externalMacText: OWN_MAC, fault })).toEqual(lines);
  });

  it.each(['snat', 'dnat'] as const)('is what a row of type %s has outside', (type) => {
    expect(decided({ ...central, type, port: undefined, logicalPortName: undefined })).toEqual(served);
  });

  it('is held back by a mark of its row or router', () => {
    const marks = { expose: { text: 'false', row: row('Logical_Router', 'router') } };
    expect(decided({ ...central, marks })).toEqual(['not-selected 172.24.4.131']);
  });
});
