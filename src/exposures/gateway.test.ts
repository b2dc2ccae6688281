import { describe, expect, it } from 'vitest';
import type { GatewayPort } from '../ovn/topology.ts';
import { evaluateGateway } from './gateway.ts';
import { denialLines, exposureLines, ip, prefixes, testPolicy } from './testing.ts';
import { ELSEWHERE, gateway, MAPPINGS, on, PUB, row, TENANT, VLAN } from './testing-records.ts';
import type { ExposurePolicy } from './types.ts';

const POLICY = testPolicy({ bridgeMappings: MAPPINGS });
const decided = (changes: Partial<GatewayPort> = {}, policy: Partial<ExposurePolicy> = {}) =>
  evaluateGateway(gateway('gateway', changes), { ...POLICY, ...policy });

describe('a gateway port', () => {
  it('is exposed with all of its addresses, once each, and says why', () => {
    const verdict = decided({ addressTexts: ['2001:db8::221/64', '172.24.4.221/24', '172.24.4.221/24'] });
    expect(exposureLines(verdict)).toEqual([
      '172.24.4.221 gateway br-ex fa:16:3e:aa:aa:aa',
      '2001:db8::221 gateway br-ex fa:16:3e:aa:aa:aa ndp 2001:db8::',
    ]);
    expect(verdict.exposures[0]?.because).toEqual([
      { row: row('Logical_Router_Port', 'gateway'), note: 'gateway port bound to this node and up' },
      {
        row: row('Logical_Switch_Port', 'provnet-1'),
        note: 'physical network "physnet1", untagged, bridge br-ex',
      },
    ]);
    expect(verdict.denials).toEqual([]);
  });

  it('D-10: has its own next hops answered for, and what is configured', () => {
    const custom = { ...PUB, gateways6: [ip('2001:db8::1'), ip('2001:db8::221')] };
    const verdict = decided({ ...on(custom) }, { proxyNdpAddresses: [ip('2001:db8::53')] });
    expect(exposureLines(verdict)[1]).toBe(
      '2001:db8::221 gateway br-ex fa:16:3e:aa:aa:aa ndp 2001:db8:: ndp 2001:db8::1 ndp 2001:db8::53',
    );
  });

  it('may be on a VLAN', () => {
    expect(exposureLines(decided({ ...on(VLAN), addressTexts: ['172.30.0.2/24'] }))).toEqual([
      '172.30.0.2 gateway br-ex.100 fa:16:3e:aa:aa:aa',
    ]);
  });

  it.each<[string, Partial<GatewayPort>, string]>([
    ['elsewhere', { residence: ELSEWHERE }, 'not-bound-here'],
    ['active nowhere', { residence: { kind: 'nowhere' } }, 'not-bound-here'],
    ['here but not up', { residence: { kind: 'down' } }, 'not-up'],
    ['switched off with its router', { disabled: row('Logical_Router', 'r') }, 'disabled'],
    ['without addresses', { addressTexts: [] }, 'no-address'],
    ['without a MAC address', { macText: undefined }, '!bad-mac'],
    ['with a hostile MAC address', { macText: 'fa:16:3e:00:00:01; reboot' }, '!bad-mac'],
    ['on no network', { network: undefined, networkName: 'gone' }, '!no-network'],
    ['on a network without localnet', { ...on(TENANT) }, 'not-provider'],
    ['marked', { marks: { expose: { text: 'false', row: row('Logical_Router', 'r') } } }, 'not-selected'],
  ])('%s is not', (_, changes, denial) => {
    const verdict = decided(changes);
    expect([exposureLines(verdict), denialLines(verdict)]).toEqual([[], [denial]]);
  });

  it('is exposed although nothing tells the translated addresses of its router, which is said', () => {
    const verdict = decided({ natUntold: row('Port_Binding', 'side', 'southbound') });
    expect(exposureLines(verdict)).toHaveLength(2);
    expect(denialLines(verdict)).toEqual(['nat-untold']);
    expect(verdict.denials[0]?.message).toMatch(/Port_Binding "side".*options:nat-addresses=router/);
  });

  it('loses only the address that is wrong', () => {
    const addressTexts = ['junk', '127.0.0.1/8', '172.24.4.221/33', '172.24.4.222/24', '10.0.0.1/8'];
    const verdict = decided({ addressTexts }, { allowedPrefixes: prefixes('172.24.4.0/24') });
    expect(exposureLines(verdict)).toEqual(['172.24.4.222 gateway br-ex fa:16:3e:aa:aa:aa']);
    expect(denialLines(verdict)).toEqual([
      '!bad-address "junk"',
      '!bad-address "172.24.4.221/33"',
      '!unannounceable 127.0.0.1',
      'not-allowed 10.0.0.1',
    ]);
  });
});
