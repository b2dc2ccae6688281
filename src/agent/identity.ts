/** Who this node is in OVN: chassis name and host name are different strings, and each driver uses its own. */
import type { OvsSnapshot } from '../openvswitch/types.ts';

export interface NodeIdentity {
  /** What Neutron calls the host: `external_ids:hostname`, else the operating system's. */
  readonly hostname: string;
  /** `external_ids:system-id`: the chassis name in OVN. */
  readonly systemId: string;
}

/** `undefined` while the local database names no chassis. */
export function readIdentity(snapshot: OvsSnapshot, osHostname: string): NodeIdentity | undefined {
  if (snapshot.systemId === undefined || snapshot.systemId === '') return undefined;
  return { hostname: snapshot.hostname ?? osHostname, systemId: snapshot.systemId };
}
