/**
 * `external_ids:ovn-bridge-mappings` of the local vswitchd: `physnet1:br-ex,physnet2:br-data`.
 *
 * In: the text. Out: usable mappings in the order of the list, and a warning for every item that is not used. Bridge
 * names become device names, paths below /proc/sys and arguments of ovs-ofctl, so they are held to what a device may be
 * called.
 */
import { quote } from './quote.ts';

/** One usable item of `ovn-bridge-mappings`. */
export interface BridgeMapping {
  readonly physicalNetwork: string;
  readonly bridge: string;
  /** 1-based position in the list, ignored items counted: it numbers the bridge's own addresses. */
  readonly index: number;
  /** The operator keeps the agent off this network (`excluded_physical_networks`). */
  readonly excluded?: true;
}

export interface ParsedBridgeMappings {
  readonly mappings: readonly BridgeMapping[];
  readonly warnings: readonly string[];
}

/** IFNAMSIZ (linux/if.h) less its terminator. */
const MAX_DEVICE_NAME = 15;
/** Directories beside the devices below /proc/sys/net/ipv4/conf. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['.', '..', 'all', 'default']);

/** `key` is what the warnings call it: a second controller's has the chassis name as suffix. */
export function parseBridgeMappings(text: string, key = 'ovn-bridge-mappings'): ParsedBridgeMappings {
  const byNetwork = new Map<string, BridgeMapping>();
  const warnings: string[] = [];
  if (text.trim() === '') return { mappings: [], warnings };
  for (const [position, raw] of text.split(',').entries()) {
    const item = raw.trim();
    // Ignored items count: the index numbers the addresses of the bridges that follow.
    const index = position + 1;
    const ignored = (why: string): void => {
      warnings.push(`item ${index} of ${key}, ${quote(item)}, is ignored: ${why}`);
    };
    const parts = item.split(':').map((part) => part.trim());
    const [physicalNetwork, bridge] = parts;
    if (parts.length !== 2 || physicalNetwork === undefined || bridge === undefined) {
      ignored('it is not <physical network>:<bridge>');
      continue;
    }
    if (physicalNetwork === '') {
      ignored('it names no physical network');
      continue;
    }
    const problem = bridgeNameProblem(bridge);
    if (problem !== undefined) {
      ignored(`the bridge name ${problem}`);
      continue;
    }
    const earlier = byNetwork.get(physicalNetwork);
    if (earlier !== undefined) {
      warnings.push(
        `physical network ${quote(physicalNetwork)} is mapped more than once in ${key}; ` +
          `item ${index}, bridge ${bridge}, replaces item ${earlier.index}, bridge ${earlier.bridge}`,
      );
      byNetwork.delete(physicalNetwork);
    }
    byNetwork.set(physicalNetwork, { physicalNetwork, bridge, index });
  }
  return { mappings: [...byNetwork.values()], warnings };
}

function bridgeNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > MAX_DEVICE_NAME)
    return `is longer than the ${MAX_DEVICE_NAME} characters of a device name`;
  if (RESERVED_NAMES.has(name)) return 'is reserved';
  if (!/^[A-Za-z0-9_.][A-Za-z0-9_.+@=-]*$/.test(name))
    return 'has characters that a device name must not have';
  return undefined;
}
