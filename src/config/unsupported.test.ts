import { describe, expect, it } from 'vitest';
import { defaultConfig } from './assemble.ts';
import type { AgentConfig } from './types.ts';
import { unsupported } from './unsupported.ts';

const tenant = defaultConfig().tenant;

describe('unsupported', () => {
  it('finds nothing in the defaults, whatever the way to advertise and the implemented drivers', () => {
    expect(unsupported(defaultConfig())).toEqual([]);
    expect(unsupported(defaultConfig({ driver: 'nb_ovn_bgp_driver', advertiseVia: 'main' }))).toEqual([]);
  });

  it('finds nothing in any way to expose tenant networks, as far as the driver can tell', () => {
    const all = {
      exposeNetworks: true,
      exposeIpv6Gua: true,
      advertisementMethod: 'subnet' as const,
      addressScopes: ['a'],
    };
    const drivers = { ovn_bgp_driver: false, nb_ovn_bgp_driver: true } as const;
    for (const [driver, requireSnatDisabled] of Object.entries(drivers)) {
      const changes = { driver: driver as AgentConfig['driver'], tenant: { ...all, requireSnatDisabled } };
      expect(unsupported(defaultConfig(changes))).toEqual([]);
    }
  });

  it.each<[string, Partial<AgentConfig>, string]>([
    ['driver = ovn_evpn_driver', { driver: 'ovn_evpn_driver' }, 'fatal'],
    ['driver = ovn_stretched_l2_bgp_driver', { driver: 'ovn_stretched_l2_bgp_driver' }, 'fatal'],
    ['exposing_method = vrf', { exposingMethod: 'vrf' }, 'fatal'],
    ['exposing_method = ovn', { exposingMethod: 'ovn' }, 'fatal'],
    [
      'require_snat_disabled_for_tenant_networks',
      { tenant: { ...tenant, requireSnatDisabled: true } },
      'warning',
    ],
    ['clear_vrf_routes_on_startup', { clearVrfRoutesOnStartup: true }, 'warning'],
  ])('names %s', (option, changes, severity) => {
    const found = unsupported(defaultConfig(changes));
    expect(found).toEqual([{ severity, message: expect.stringContaining(option) as unknown }]);
  });

  it('T19: warns that tenant networks whose router translates their addresses cannot be reached through the OVN of a node', () => {
    const exposing = (requireSnatDisabled: boolean): Partial<AgentConfig> => ({
      driver: 'nb_ovn_bgp_driver',
      exposingMethod: 'ovn',
      tenant: { ...tenant, exposeNetworks: true, requireSnatDisabled },
    });
    expect(unsupported(defaultConfig(exposing(false)))).toEqual([
      {
        severity: 'warning',
        message: expect.stringContaining('set require_snat_disabled_for_tenant_networks') as unknown,
      },
    ]);
    expect(unsupported(defaultConfig(exposing(true)))).toEqual([]);
  });
});
