/** Who this node is in OVN: chassis name and host name are different strings, and each driver uses its own. */

import type { OvsSnapshot } from '../openvswitch/types.ts';
import type { NodeIdentity } from '../ovn/topology.ts';

/**
 * The host name is `external_ids:hostname`, else the operating system's; the chassis name is `external_ids:system-id`.
 * `undefined` while the local database names no chassis.
 */
export function readIdentity(snapshot: OvsSnapshot, osHostname: string): NodeIdentity | undefined {
  if (snapshot.systemId === undefined || snapshot.systemId === '') return undefined;
  return { hostname: snapshot.hostname ?? osHostname, systemId: snapshot.systemId };
}
