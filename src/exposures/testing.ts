/** A policy for tests: nothing restricted, no tenant networks; what a test is about it says itself. */
import type { IpAddress } from '../base/address.ts';
import type { Exposure, ExposurePolicy } from './types.ts';

export function testPolicy(policy: Partial<ExposurePolicy> = {}): ExposurePolicy {
  return {
    bridgeMappings: [],
    allowedPrefixes: [],
    proxyNdpAddresses: [],
    graced: new Set(),
    lastMacs: new Map(),
    tenant: {
      exposeNetworks: false,
      exposeIpv6Gua: false,
      advertisementMethod: 'host',
      requireSnatDisabled: false,
      addressScopes: [],
    },
    exposeUnmarked: true,
    exposeExternal: false,
    ...policy,
  };
}

/** The MAC address that is wired for an exposure, if any. */
export function macOf(exposure: Exposure | undefined): string | undefined {
  return exposure === undefined || exposure.delivery.type === 'covered' ? undefined : exposure.delivery.mac;
}

export function proxiedOf(exposure: Exposure): readonly IpAddress[] {
  return exposure.delivery.type === 'link' ? exposure.delivery.proxyNdp : [];
}
