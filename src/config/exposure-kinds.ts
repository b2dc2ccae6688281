/** Kinds of address that the agent exposes; operators give route attributes by these names. */

/** A name's place is part of what is written to nodes (`node/advertise-metrics.ts`): new ones are added at the end. */
export const EXPOSURE_KINDS = [
  'provider-port',
  'virtual-port',
  'external-port',
  'gateway',
  'floating-ip',
  'central-floating-ip',
  'vip',
  'vip-floating-ip',
  'port-forwarding',
  'tenant-subnet',
  'tenant-host',
  'tenant-vip',
] as const;
export type ExposureKind = (typeof EXPOSURE_KINDS)[number];

/** Grammar of an operator's tag (`external_ids:ovn-bgp-agent:tag`). */
export const TAG = /^[A-Za-z0-9_.-]{1,32}$/;
