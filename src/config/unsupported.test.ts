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

  it.each<[string, Partial<AgentConfig>, string]>([
    ['driver = ovn_evpn_driver', { driver: 'ovn_evpn_driver' }, 'fatal'],
    ['driver = ovn_stretched_l2_bgp_driver', { driver: 'ovn_stretched_l2_bgp_driver' }, 'fatal'],
    ['exposing_method = vrf', { exposingMethod: 'vrf' }, 'fatal'],
    ['exposing_method = ovn', { exposingMethod: 'ovn' }, 'fatal'],
    ['expose_tenant_networks', { tenant: { ...tenant, exposeNetworks: true } }, 'warning'],
    ['expose_ipv6_gua_tenant_networks', { tenant: { ...tenant, exposeIpv6Gua: true } }, 'warning'],
    ['address_scopes', { tenant: { ...tenant, addressScopes: ['a'] } }, 'warning'],
    ['clear_vrf_routes_on_startup', { clearVrfRoutesOnStartup: true }, 'warning'],
  ])('names %s', (option, changes, severity) => {
    const found = unsupported(defaultConfig(changes));
    expect(found).toEqual([{ severity, message: expect.stringContaining(option) as unknown }]);
  });
});
