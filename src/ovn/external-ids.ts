/** Keys that Neutron writes into `external_ids` of OVN rows and that the agent reads. */

/** On ports: name of the logical switch (`neutron-<network uuid>`). */
export const NETWORK_NAME_KEY = 'neutron:network_name';
/** On ports: `address/length`, separated by spaces. */
export const CIDRS_KEY = 'neutron:cidrs';
/** On Northbound ports: host name of the active binding. */
export const HOST_ID_KEY = 'neutron:host_id';

/** Words of a value: trimmed and split at spaces. */
export function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}
