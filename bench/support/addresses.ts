/** The addresses that the benchmarks use, by number. Pure. */

/** `10.64.0.0/32` and on: destinations of routes that are only written and read back. */
export function routeDestination(number: number): string {
  return `10.${64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}/32`;
}

/** Address of a workload in `10.32.0.0/13`; the first ones are left to gateways. */
export function workloadAddress(number: number): string {
  const host = number + 256;
  return `10.${32 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}`;
}

export function workloadMac(number: number): string {
  const hex = number.toString(16).padStart(6, '0');
  return `fa:16:3e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

/** Address of a workload in the tenant network `10.128.0.0/13`; the first ones are left to the router. */
export function tenantAddress(number: number): string {
  const host = number + 256;
  return `10.${128 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}`;
}

/** Whether the address is one of the tenant network. */
export function isTenantAddress(address: string): boolean {
  return address.startsWith('10.128.') || address.startsWith('10.129.');
}

/** Whether the address is one of those left to gateways. */
export function isGatewayAddress(address: string): boolean {
  return address.startsWith('10.32.0.');
}
