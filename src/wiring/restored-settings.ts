/**
 * Settings of bridges that are no longer in use, as they were before the agent came: nothing else takes them back, for
 * settings have no owner. Wanted for as long as something of the agent's is on the bridge.
 */

import type { DesiredObject } from '../node/objects.ts';
import { proxyArpPath, proxyNdpPath } from './names.ts';
import type { FormerBridge, Wiring } from './types.ts';

export function restoredSettings(bridges: readonly FormerBridge[]): Wiring {
  const objects = bridges.flatMap(({ name, restore }): readonly DesiredObject[] =>
    restore
      ? [proxyArpPath(name), proxyNdpPath(name)].map((path) => ({
          object: { kind: 'sysctl', path, value: '0' },
          role: 'wire',
          requires: [],
          because: `bridge ${name} is in use no more`,
        }))
      : [],
  );
  return { objects, pending: [] };
}
