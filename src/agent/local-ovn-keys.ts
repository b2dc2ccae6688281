/**
 * What the local Open_vSwitch database says of the node's own OVN: keys of the second ovn-controller, which have the
 * chassis name as suffix (ovn-controller(8)). Pure.
 *
 * In: the snapshot, the chassis. Out: its mappings with a warning for each item that is not used, and the rest by name.
 */
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import type { LocalOvnFacts } from '../wiring/types.ts';

const DEFAULT_INTEGRATION_BRIDGE = 'br-bgp';

export interface LocalOvnKeys extends Pick<LocalOvnFacts, 'mappings' | 'integrationBridge' | 'zoneRange'> {
  /** False: the node has no OVN of its own. */
  readonly present: boolean;
  /** Mapped bridges, each once. */
  readonly bridges: readonly string[];
  readonly warnings: readonly string[];
}

export function localOvnKeys(
  { externalIds }: Pick<OvsSnapshot, 'externalIds'>,
  chassis: string,
): LocalOvnKeys {
  const key = `ovn-bridge-mappings-${chassis}`;
  const text = externalIds.get(key);
  const { mappings, warnings } = parseBridgeMappings(text ?? '', key);
  return {
    present: text !== undefined,
    mappings,
    bridges: [...new Set(mappings.map(({ bridge }) => bridge))],
    integrationBridge: externalIds.get(`ovn-bridge-${chassis}`) ?? DEFAULT_INTEGRATION_BRIDGE,
    zoneRange: externalIds.has(`ct-zone-range-${chassis}`),
    warnings,
  };
}
