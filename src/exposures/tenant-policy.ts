/** What of tenant networks the configuration lets out: at all, by address scope, by kind of address. Pure. */
import { familyOf, type IpAddress } from '../base/address.ts';
import { quote } from '../base/quote.ts';
import type { TenantConfig } from '../config/types.ts';
import { describeRow } from '../ovn/describe.ts';
import type { AddressScopes, RowReference } from '../ovn/topology.ts';
import { isGloballyRoutable6 } from './gua.ts';
import type { Refusal } from './verdict.ts';

export function exposesTenants(tenant: TenantConfig): boolean {
  return tenant.exposeNetworks || tenant.exposeIpv6Gua;
}

/** Why an address of a tenant network is not let out, given the scopes of the row that answers for it. */
export function tenantRefusal(
  address: IpAddress,
  tenant: TenantConfig,
  scopes: AddressScopes,
  row: RowReference,
): Refusal | undefined {
  if (!tenant.exposeNetworks && !isGloballyRoutable6(address)) {
    const message =
      `${describeRow(row)}: ${address} is not globally routable, and only such IPv6 addresses of tenant networks are ` +
      'exposed (expose_ipv6_gua_tenant_networks)';
    return { code: 'not-global', fault: false, message };
  }
  return scopeRefusal(address, tenant, scopes, row);
}

/** Why the address scope keeps an address in: address_scopes filters by family, and a port without a scope has none. */
export function scopeRefusal(
  address: IpAddress,
  tenant: TenantConfig,
  scopes: AddressScopes,
  row: RowReference,
): Refusal | undefined {
  if (tenant.addressScopes.length === 0) return undefined;
  const family = familyOf(address);
  const scope = family === 4 ? scopes.scope4 : scopes.scope6;
  if (scope !== undefined && tenant.addressScopes.includes(scope)) return undefined;
  const has =
    scope === undefined
      ? `has no IPv${family} address scope`
      : `has IPv${family} address scope ${quote(scope)}`;
  const message = `${describeRow(row)} ${has}, and address_scopes lets out only those it lists`;
  return { code: 'address-scope', fault: false, message };
}
