import { describe, expect, it } from 'vitest';
import type { Marks, WorkloadPort } from '../ovn/topology.ts';
import { evaluate } from './evaluate.ts';
import { isTenantHost } from './tenant-host.ts';
import { denialLines, exposureLines, prefixes, testPolicy, testTenant } from './testing.ts';
import {
  ELSEWHERE,
  gateway,
  MAPPINGS,
  network,
  on,
  PUB,
  port,
  router,
  row,
  subnet,
  TENANT,
  topologyOf,
} from './testing-records.ts';
import type { ExposurePolicy } from './types.ts';

const POLICY = testPolicy({ bridgeMappings: MAPPINGS, tenant: testTenant({ exposeNetworks: true }) });
const host = (changes: Partial<WorkloadPort> = {}): WorkloadPort =>
  port('vm', {
    ...on(TENANT),
    addressTexts: ['fa:16:3e:00:00:31 192.168.1.31'],
    residence: ELSEWHERE,
    subnets: [subnet()],
    ...changes,
  });
/** The host's own lines, with its subnets exposed beside it. */
function decided(vm: WorkloadPort, policy: Partial<ExposurePolicy> = {}): readonly string[] {
  const evaluation = evaluate(topologyOf(vm, ...vm.subnets), { ...POLICY, ...policy });
  const own = { exposures: evaluation.exposures.filter(({ candidate }) => candidate === vm.key) };
  const denials = evaluation.denials.filter(({ candidate }) => candidate === vm.key);
  return [...exposureLines(own), ...denialLines({ denials })];
}

const SERVED = '192.168.1.31 tenant-host br-ex inside 192.168.1.0/26';
const away = router([gateway('gateway', { residence: ELSEWHERE })]);
const SB = row('Port_Binding', 'vm', 'southbound');

describe('a tenant host', () => {
  it.each<[string, Partial<WorkloadPort>, readonly string[]]>([
    ['wherever it runs', {}, [SERVED]],
    ['of type virtual', { type: 'virtual' }, [SERVED]],
    ['not of another type', { type: 'external' }, ['port-type']],
    ['not while it is down', { active: false }, ['not-up']],
    ['not while it is switched off', { disabled: row('Logical_Switch_Port', 'vm') }, ['disabled']],
    ['not on an unattached network', { subnets: [] }, ['no-router']],
    ['not where the gateway is not', { subnets: [subnet({ router: away })] }, ['gateway-elsewhere']],
    [
      'through the attachment that leads here',
      { subnets: [subnet({ router: away }, 'a'), subnet()] },
      [SERVED],
    ],
    ['not without address', { addressTexts: [] }, ['no-address']],
    [
      'not with an unknown MAC address',
      { addressTexts: ['unknown'], cidrs: ['192.168.1.31/26'] },
      ['no-address'],
    ],
    [
      'with the assigned address of an unknown MAC address in the Southbound database',
      { row: SB, addressTexts: ['unknown'], cidrs: ['192.168.1.31/26'] },
      [SERVED],
    ],
    [
      'not with a bad address',
      { addressTexts: ['fa:16:3e:00:00:31 192.168.1.300'] },
      ['!bad-address "192.168.1.300"'],
    ],
    ['not with a bad MAC address', { addressTexts: ['junk 192.168.1.31'] }, ['!bad-mac']],
  ])('is exposed %s', (_, changes, lines) => {
    expect(decided(host(changes))).toEqual(lines);
  });

  it('D-12: is exposed only inside a subnet that is', () => {
    const addressTexts = ['fa:16:3e:00:00:31 192.168.1.31 192.168.1.64 2a02:26f0:10::31'];
    expect(decided(host({ addressTexts }))).toEqual([
      SERVED,
      'outside-subnet 192.168.1.64',
      'outside-subnet 2a02:26f0:10::31',
    ]);
    const dual = ['192.168.1.1/26', '2a02:26f0:10::1/64'];
    const nat = { row: row('NAT', 'snat'), logicalIpText: '192.168.1.0/26' };
    const tenant = testTenant({ exposeNetworks: true, requireSnatDisabled: true });
    const attached = subnet({ addressTexts: dual, sourceNats: [nat] });
    expect(decided(host({ addressTexts, subnets: [attached] }), { tenant })).toEqual([
      '2a02:26f0:10::31 tenant-host br-ex inside 2a02:26f0:10::/64',
      'outside-subnet 192.168.1.31',
      'outside-subnet 192.168.1.64',
    ]);
  });

  it('goes with its subnet in subnet mode', () => {
    const tenant = testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' });
    expect(decided(host(), { tenant })).toEqual(['not-configured']);
  });

  it('is not one on a provider network, or while tenants are not exposed', () => {
    expect(
      [host(), host(on(PUB)), host({ network: undefined })].map((vm) => isTenantHost(vm, POLICY)),
    ).toEqual([true, false, false]);
    expect(isTenantHost(host(), { ...POLICY, tenant: testTenant() })).toBe(false);
    expect(decided(host({ residence: { kind: 'here' } }), { tenant: testTenant() })).toEqual([
      'not-provider',
    ]);
  });

  it('is not one on a network whose localnet is not right', () => {
    const localnet = {
      row: row('Logical_Switch_Port', 'l'),
      name: 'l',
      physicalNetwork: 'physnet1',
      tag: 4095,
    };
    const vm = host({ ...on(network('WRONG', { localnets: [localnet] })), residence: { kind: 'here' } });
    expect(decided(vm)).toEqual(['!bad-vlan']);
  });

  it('has the scope of its attachment; in the Southbound database its own, too', () => {
    const tenant = testTenant({ exposeNetworks: true, addressScopes: ['a'] });
    const subnets = [subnet({ scopes: { scope4: 'a' } })];
    expect(decided(host({ subnets, scopes: { scope4: 'b' } }), { tenant })).toEqual([SERVED]);
    expect(decided(host({ row: SB, subnets, scopes: { scope4: 'b' } }), { tenant })).toEqual([
      'address-scope 192.168.1.31',
    ]);
    expect(decided(host({ row: SB, subnets, scopes: { scope4: 'a' } }), { tenant })).toEqual([SERVED]);
    expect(decided(host({ subnets: [subnet()], scopes: { scope4: 'a' } }), { tenant })).toEqual([
      'address-scope',
    ]);
  });

  it('must be inside the allowed prefixes itself', () => {
    expect(decided(host(), { allowedPrefixes: prefixes('192.168.1.16/28') })).toEqual([SERVED]);
    expect(decided(host(), { allowedPrefixes: prefixes('192.168.1.0/28') })).toEqual([
      'not-allowed 192.168.1.31',
    ]);
  });

  const mark = (text: string | undefined): Marks =>
    text === undefined ? {} : { expose: { text, row: row('Logical_Switch_Port', 'marked') } };
  it.each<[string | undefined, string | undefined, boolean, string]>([
    [undefined, undefined, true, SERVED],
    [undefined, undefined, false, 'not-selected 192.168.1.31'],
    ['true', undefined, false, SERVED],
    [undefined, 'true', false, SERVED],
    ['false', 'true', true, 'not-selected 192.168.1.31'],
    ['true', 'false', true, 'not-selected'],
    [undefined, 'false', true, 'not-selected'],
    ['yes', undefined, true, '!bad-mark 192.168.1.31'],
  ])('marked %j in a subnet marked %j, unmarked exposed: %j', (own, around, exposeUnmarked, line) => {
    const vm = host({ marks: mark(own), subnets: [subnet({ marks: mark(around) })] });
    expect(decided(vm, { exposeUnmarked })).toEqual([line]);
  });

  it('has its own tag, else that of its subnet', () => {
    const tag = (text: string): Marks => ({ tag: { text, row: row('Logical_Switch', 'TENANT') } });
    const subnets = [subnet({ marks: tag('silver') })];
    expect(decided(host({ subnets }))).toEqual([`${SERVED} tag silver`]);
    expect(decided(host({ subnets, marks: tag('gold') }))).toEqual([`${SERVED} tag gold`]);
  });
});
