/**
 * Static entries of a bridge's MAC learning table (`fdb/...` of ovs-vswitchd(8)). They are kept in memory only: a restart
 * of vswitchd loses them.
 *
 * In: entries to add and remove. Out: the static entries that are there.
 */
import { type MacAddress, parseMac } from '../base/address.ts';
import { OvsError } from './errors.ts';
import type { StaticFdbEntry } from './types.ts';
import type { Unixctl } from './unixctl.ts';

export class StaticFdb {
  readonly #unixctl: Unixctl;

  constructor(unixctl: Unixctl) {
    this.#unixctl = unixctl;
  }

  /** Static entries on the bridge's own port; a bridge that does not exist has none. */
  async entries(bridge: string, signal?: AbortSignal): Promise<readonly StaticFdbEntry[]> {
    try {
      return parseFdb(await this.#unixctl.call('fdb/show', [bridge], signal));
    } catch (error) {
      if (error instanceof OvsError && error.code === 'rejected' && /no such bridge/.test(error.message))
        return [];
      throw error;
    }
  }

  async add(bridge: string, { mac, vlan }: StaticFdbEntry, signal?: AbortSignal): Promise<void> {
    // The port with the name of the bridge is its own.
    await this.#unixctl.call('fdb/add', [bridge, bridge, String(vlan), mac], signal);
  }

  async remove(bridge: string, { mac, vlan }: StaticFdbEntry, signal?: AbortSignal): Promise<void> {
    await this.#unixctl.call('fdb/del', [bridge, String(vlan), mac], signal);
  }
}

/** Lines ` port  VLAN  MAC                Age`; of static entries the age is a word. */
export function parseFdb(text: string): readonly StaticFdbEntry[] {
  return text.split('\n').flatMap((line): StaticFdbEntry[] => {
    const [port, vlan, mac, age] = line.trim().split(/\s+/);
    const address: MacAddress | undefined = parseMac(mac ?? '');
    if (port !== 'LOCAL' || age !== 'static' || address === undefined || !/^[0-9]+$/.test(vlan ?? ''))
      return [];
    return [{ mac: address, vlan: Number(vlan) }];
  });
}
