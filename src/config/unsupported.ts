/**
 * What a valid configuration asks for and this version does not do. `fatal`: the agent must not run with it, for it
 * would do something else than asked. `warning`: it runs, and that part has no effect. Pure.
 */
import type { AgentConfig } from './types.ts';

export interface Unsupported {
  readonly severity: 'fatal' | 'warning';
  readonly message: string;
}

export function unsupported(config: AgentConfig): readonly Unsupported[] {
  return [...fatal(config), ...warnings(config)];
}

function fatal(config: AgentConfig): Unsupported[] {
  const messages: string[] = [];
  const { driver, exposingMethod } = config;
  if (driver === 'ovn_evpn_driver' || driver === 'ovn_stretched_l2_bgp_driver') {
    messages.push(
      `driver = ${driver}: this version has no such driver; it has ovn_bgp_driver and nb_ovn_bgp_driver`,
    );
  }
  if (exposingMethod !== 'underlay' && exposingMethod !== 'ovn') {
    messages.push(`exposing_method = ${exposingMethod}: this version exposes by underlay and ovn only`);
  }
  if (exposingMethod === 'ovn' && driver !== 'nb_ovn_bgp_driver') {
    messages.push(
      `exposing_method = ovn with driver = ${driver}: it needs MAC addresses that only nb_ovn_bgp_driver has; set driver to that`,
    );
  }
  return messages.map((message) => ({ severity: 'fatal', message }));
}

function warnings(config: AgentConfig): Unsupported[] {
  const { tenant } = config;
  const messages: string[] = [];
  if (tenant.requireSnatDisabled && config.driver === 'ovn_bgp_driver') {
    messages.push(
      'require_snat_disabled_for_tenant_networks = true: the Southbound database does not tell which networks are ' +
        'translated, so driver = ovn_bgp_driver leaves out none; nb_ovn_bgp_driver does',
    );
  }
  const exposesTenants = tenant.exposeNetworks || tenant.exposeIpv6Gua;
  if (config.exposingMethod === 'ovn' && exposesTenants && !tenant.requireSnatDisabled) {
    messages.push(
      'exposing_method = ovn exposes tenant networks: those whose router translates their source addresses cannot be reached that way; set require_snat_disabled_for_tenant_networks = true to leave them out',
    );
  }
  if (config.clearVrfRoutesOnStartup) {
    messages.push(
      'clear_vrf_routes_on_startup = true: this version leaves routes of others in the VRF; its own are always put right',
    );
  }
  return messages.map((message) => ({ severity: 'warning', message }));
}
