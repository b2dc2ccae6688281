/** Keys that Neutron writes into `external_ids` of OVN rows and that the agent reads. */

/** On ports: name of the logical switch (`neutron-<network uuid>`). */
export const NETWORK_NAME_KEY = 'neutron:network_name';
/** On ports: `address/length`, separated by spaces. */
export const CIDRS_KEY = 'neutron:cidrs';
/** On Northbound ports: host name of the active binding. */
export const HOST_ID_KEY = 'neutron:host_id';
/** On ports: the name that its owner gave it. */
export const PORT_NAME_KEY = 'neutron:port_name';
/** Neutron's keys begin so; a row with none of them was made by somebody else. */
export const NEUTRON_PREFIX = 'neutron:';
/** On switch ports of routers: the router's id. */
export const DEVICE_ID_KEY = 'neutron:device_id';
export const DEVICE_OWNER_KEY = 'neutron:device_owner';
/** On router ports, NAT and port-forwarding load balancers: the router's id. */
export const ROUTER_NAME_KEY = 'neutron:router_name';
/** On floating IPs: id of the network that their outside address is from. */
export const FIP_NETWORK_KEY = 'neutron:fip_network_id';
/** On ports: ids of the address scopes of their subnets. */
export const ADDRESS_SCOPE4_KEY = 'neutron:subnet_pool_addr_scope4';
export const ADDRESS_SCOPE6_KEY = 'neutron:subnet_pool_addr_scope6';
/** On `NB_Global`: "True" or "False". */
export const FIP_DISTRIBUTED_KEY = 'neutron:fip-distributed';
/** On load balancers of Octavia: VIP, its floating IP, name of its port, name of its router. */
export const VIP_KEY = 'neutron:vip';
export const VIP_FIP_KEY = 'neutron:vip_fip';
export const VIP_PORT_KEY = 'neutron:vip_port_id';
/** The same of its further VIPs: lists, separated by commas, in the same order. */
export const ADDITIONAL_VIPS_KEY = 'neutron:additional_vips';
export const ADDITIONAL_VIP_FIPS_KEY = 'neutron:additional_vip_fips';
export const ADDITIONAL_VIP_PORTS_KEY = 'neutron:additional_vip_port_ids';
export const LB_ROUTER_KEY = 'lr_ref';
/** Operators' words on what is exposed. */
export const EXPOSE_KEY = 'ovn-bgp-agent:expose';
export const TAG_KEY = 'ovn-bgp-agent:tag';

/** The prefix that Neutron puts before ids where they are names in OVN. */
const NAME_PREFIX = 'neutron-';

/** An id without the prefix that some releases of Neutron put before it. */
export function withoutNamePrefix(text: string): string {
  return text.startsWith(NAME_PREFIX) ? text.slice(NAME_PREFIX.length) : text;
}

/** Name of the switch of a network id. */
export function switchNameOf(networkId: string): string {
  return `${NAME_PREFIX}${withoutNamePrefix(networkId)}`;
}

/** Words of a value: trimmed and split at spaces. */
export function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}
