import { expect, it } from 'vitest';
import { candidateKey, type NatAddresses, type Residence, type Subnet } from '../ovn/topology.ts';
import { evaluateNatAddresses } from './nat-addresses.ts';
import { denialLines, exposureLines, ip, prefixes, testPolicy, testTenant } from './testing.ts';
import {
  ELSEWHERE,
  HERE,
  MAPPINGS,
  natAddresses,
  natPort,
  on,
  PUB,
  row,
  subnet,
  TENANT,
} from './testing-records.ts';

const POLICY = testPolicy({ bridgeMappings: MAPPINGS, allowedPrefixes: prefixes('172.24.4.0/24') });

const entry = (resident: NatAddresses['resident'], ...addressTexts: readonly string[]): NatAddresses => ({
  text: '',
  addressTexts,
  residentName: resident?.row.name,
  resident,
});
const gatewayPort = (residence: Residence): NatAddresses['resident'] => ({
  key: candidateKey('gateway', 'cr-lrp-gw'),
  row: row('Port_Binding', 'cr-lrp-gw', 'southbound'),
  type: 'chassisredirect',
  residence,
});

it('addresses follow their port, or the gateway', () => {
  const entries = [
    entry(natPort('vm-t1', HERE), '172.24.4.131', '172.24.4.131'),
    entry(natPort('vm-t2', ELSEWHERE), '172.24.4.132'),
    entry(natPort('vm-t3', { kind: 'migrating', up: true, main: true }), '172.24.4.133'),
    entry(natPort('vm-t4', { kind: 'migrating', up: true, main: false }), '172.24.4.134'),
    entry(gatewayPort(HERE), '172.24.4.140'),
    entry(gatewayPort(ELSEWHERE), '172.24.4.141'),
    entry(undefined, '172.24.4.142'),
  ];
  const verdict = evaluateNatAddresses(natAddresses({ entries }), POLICY);
  expect(exposureLines(verdict)).toEqual([
    '172.24.4.131 floating-ip br-ex',
    '172.24.4.133 floating-ip br-ex',
    '172.24.4.140 central-floating-ip br-ex',
  ]);
  expect(denialLines(verdict)).toEqual([
    'not-bound-here 172.24.4.132',
    'not-bound-here 172.24.4.134',
    'not-bound-here 172.24.4.141',
    'no-port 172.24.4.142',
  ]);
});

it('D-29: addresses stay while their port has its grace', () => {
  const entries = [entry(natPort('vm-t1', { kind: 'down' }), '172.24.4.131')];
  const graced = new Set([candidateKey('port', 'vm-t1')]);
  const lines = (policy: typeof POLICY): readonly string[] =>
    exposureLines(evaluateNatAddresses(natAddresses({ entries }), policy));
  expect(lines({ ...POLICY, graced })).toEqual(['172.24.4.131 floating-ip br-ex']);
  expect(lines(POLICY)).toEqual([]);
});

it('words that are no address harm only themselves', () => {
  const entries = [entry(natPort('vm-t1', HERE), 'junk', '127.0.0.1', '10.0.0.1', '172.24.4.131')];
  const verdict = evaluateNatAddresses(natAddresses({ entries }), POLICY);
  expect(exposureLines(verdict)).toEqual(['172.24.4.131 floating-ip br-ex']);
  expect(denialLines(verdict)).toEqual([
    '!bad-address "junk"',
    '!unannounceable 127.0.0.1',
    'not-allowed 10.0.0.1',
  ]);
});

it('addresses of load balancers with nothing behind them are left out', () => {
  const entries = [entry(gatewayPort(HERE), '172.24.4.140', '172.24.4.60')];
  const verdict = evaluateNatAddresses(natAddresses({ entries, memberless: [ip('172.24.4.60')] }), POLICY);
  expect(exposureLines(verdict)).toEqual(['172.24.4.140 central-floating-ip br-ex']);
  expect(denialLines(verdict)).toEqual(['no-member 172.24.4.60']);
});

it('addresses of a router that is bound to one chassis belong to the port in whose network they are', () => {
  const entries = [entry(gatewayPort(HERE), '172.24.4.140', '172.24.4.9', '172.24.4.201')];
  const wires = { own: ['172.24.4.129/26'], others: ['172.24.4.193/26', 'junk'] };
  const verdict = evaluateNatAddresses(natAddresses({ entries, wires }), POLICY);
  expect(exposureLines(verdict)).toEqual([
    '172.24.4.9 central-floating-ip br-ex',
    '172.24.4.140 central-floating-ip br-ex',
  ]);
  expect(denialLines(verdict)).toEqual(['gateway-elsewhere 172.24.4.201']);
});

it('rows without an address say so', () => {
  const verdict = evaluateNatAddresses(natAddresses({ entries: [entry(gatewayPort(HERE))] }), POLICY);
  expect(denialLines(verdict)).toEqual(['no-address']);
});

it('nothing is exposed off provider networks or against a mark', () => {
  const entries = [entry(natPort('vm-t1', HERE), '172.24.4.131')];
  const marks = { expose: { text: 'false', row: row('Port_Binding', 'gw', 'southbound') } };
  const lines = [natAddresses({ entries, ...on(TENANT) }), natAddresses({ entries, marks })].map((nat) => {
    const verdict = evaluateNatAddresses(nat, POLICY);
    return [...exposureLines(verdict), ...denialLines(verdict)];
  });
  expect(lines).toEqual([['not-provider'], ['not-selected']]);
});

it("VIPs inside tenant networks are the load balancers' to decide on, whatever the options say", () => {
  const entries = [entry(gatewayPort(HERE), '172.24.4.140', '192.168.1.50')];
  for (const exposeNetworks of [false, true]) {
    const policy = testPolicy({ bridgeMappings: MAPPINGS, tenant: testTenant({ exposeNetworks }) });
    const decided = (subnets: readonly Subnet[]) =>
      evaluateNatAddresses(natAddresses({ entries, subnets }), policy);
    const verdict = decided([subnet()]);
    expect(exposureLines(verdict)).toEqual(['172.24.4.140 central-floating-ip br-ex']);
    expect(denialLines(verdict)).toEqual(['tenant-address 192.168.1.50']);
    expect(verdict.denials[0]?.message).toContain('192.168.1.50 is inside 192.168.1.0/26');
    // A second way to a provider network is no tenant's.
    expect(decided([subnet(on(PUB))]).exposures).toHaveLength(2);
  }
});
