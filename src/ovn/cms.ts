/**
 * Who fills the database: Neutron, whose keys in `external_ids` say what is meant, or anybody else, whose rows mean what
 * OVN says that they mean.
 */
import { NEUTRON_PREFIX } from './external-ids.ts';

/** `auto`: Neutron made the rows that carry keys of Neutron. `ovn`: such keys do not count. */
export type Cms = 'auto' | 'neutron' | 'ovn';

type ExternalIds = ReadonlyMap<string, string>;

export function madeByNeutron(ids: ExternalIds, cms: Cms): boolean {
  if (cms !== 'auto') return cms === 'neutron';
  for (const key of ids.keys()) if (key.startsWith(NEUTRON_PREFIX)) return true;
  return false;
}

/** What Neutron says under a key; an empty text says nothing. */
export function neutronId(ids: ExternalIds, key: string, cms: Cms): string | undefined {
  const value = cms === 'ovn' ? undefined : ids.get(key);
  return value === '' ? undefined : value;
}
