/** Options of localnet ports that both databases have alike (ovn-nb(5), ovn-sb(5)). Pure. */
import type { Localnet } from './topology.ts';

/** What a localnet port says about the tags of its network. */
export function ethertypeOf(options: ReadonlyMap<string, string>): Pick<Localnet, 'ethertype'> {
  const ethertype = options.get('ethtype');
  return ethertype === undefined ? {} : { ethertype };
}
