/**
 * Exposures in tests: a policy with nothing restricted, and exposures as lines that a person can compare. What a test
 * is about it says itself; the records to decide on are in `testing-records.ts`.
 */
import {
  type IpAddress,
  isHostPrefix,
  type MacAddress,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
} from '../base/address.ts';
import type { TenantConfig } from '../config/types.ts';
import { NodeNeeds } from './needs.ts';
import type { Denial, Exposure, ExposurePolicy } from './types.ts';

export function testPolicy(policy: Partial<ExposurePolicy> = {}): ExposurePolicy {
  return {
    bridgeMappings: [],
    allowedPrefixes: [],
    proxyNdpAddresses: [],
    graced: new Set(),
    lastMacs: new Map(),
    tenant: testTenant(),
    exposeUnmarked: true,
    exposeExternal: false,
    needs: NodeNeeds.NONE,
    ...policy,
  };
}

export function testTenant(tenant: Partial<TenantConfig> = {}): TenantConfig {
  return {
    exposeNetworks: false,
    exposeIpv6Gua: false,
    advertisementMethod: 'host',
    requireSnatDisabled: false,
    addressScopes: [],
    ...tenant,
  };
}

/** The MAC address that is wired for an exposure, if any. */
export function macOf(exposure: Exposure | undefined): string | undefined {
  return exposure === undefined || exposure.delivery.type === 'covered' ? undefined : exposure.delivery.mac;
}

export function proxiedOf(exposure: Exposure): readonly IpAddress[] {
  return exposure.delivery.type === 'link' ? exposure.delivery.proxyNdp : [];
}

/** `address kind device delivery`, with all that reaches the node. */
export function exposureLine({ kind, prefix, address, network, delivery, announce, tag }: Exposure): string {
  const device = network.vlan === undefined ? network.bridge : `${network.bridge}.${network.vlan}`;
  const words = [isHostPrefix(prefix) ? address : prefix, kind, device];
  if (delivery.type === 'covered') words.push(`inside ${delivery.subnet}`);
  else {
    if (delivery.type === 'via') words.push(`via ${delivery.via}`);
    if (delivery.mac !== undefined) words.push(delivery.mac);
    if (delivery.type === 'link') words.push(...delivery.proxyNdp.map((proxied) => `ndp ${proxied}`));
  }
  if (!announce) words.push('(wired only)');
  if (tag !== undefined) words.push(`tag ${tag}`);
  return words.join(' ');
}

export function exposureLines({ exposures }: { readonly exposures: readonly Exposure[] }): readonly string[] {
  return exposures.map(exposureLine);
}

/** `code address`, with an exclamation mark for faults. */
export function denialLines({ denials }: { readonly denials: readonly Denial[] }): readonly string[] {
  return denials.map(({ code, fault, address }) =>
    [`${fault ? '!' : ''}${code}`, ...(address === undefined ? [] : [address])].join(' '),
  );
}

export function ip(text: string): IpAddress {
  return certain(parseIp(text), text);
}

export function mac(text: string): MacAddress {
  return certain(parseMac(text), text);
}

export function prefixes(...texts: readonly string[]): readonly Prefix[] {
  return texts.map((text) => certain(parsePrefix(text), text));
}

function certain<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new TypeError(`bad test data: ${text}`);
  return value;
}
