/**
 * The identity of a node object as text: equal keys mean "the same thing, perhaps with other contents".
 *
 * In: an object, desired or observed. Out: a key that starts with the kind and holds what the kernel, OVS or FRR tells
 * two such things apart by. What is left out (a link's type, a neighbour's MAC, a flow's actions) is contents.
 */
import { rowKey } from '../localnb/rows.ts';
import type { NodeObject, NodeObjectKind, ObjectKey } from './objects.ts';

/** IPv6 routes without a metric are kept by the kernel with this one (IP6_RT_PRIO_USER, linux/ipv6_route.h). */
const IPV6_DEFAULT_METRIC = 1024;

/** The kind of the object that a key names. */
export function kindOfKey(key: ObjectKey): NodeObjectKind {
  return key.slice(0, key.indexOf(' ')) as NodeObjectKind;
}

export function keyOf(object: NodeObject): ObjectKey {
  switch (object.kind) {
    case 'link':
      return `link ${object.name}`;
    case 'rt-table':
      return `rt-table ${object.name}`;
    case 'sysctl':
      return `sysctl ${object.path}`;
    case 'ovs-port':
      return `ovs-port ${object.bridge} ${object.name}`;
    case 'address':
      return `address ${object.device} ${object.prefix}`;
    case 'flow':
      return `flow ${object.bridge} ${object.flow.priority} ${object.flow.match}`;
    case 'rule':
      return `rule ${object.to} ${object.table}`;
    case 'route': {
      const metric = object.family === 6 && object.metric === IPV6_DEFAULT_METRIC ? 0 : object.metric;
      return `route ${object.family} ${object.table} ${object.destination} ${metric}`;
    }
    case 'neighbor':
      return `neighbor ${object.device} ${object.address}`;
    case 'proxy-ndp':
      return `proxy-ndp ${object.device} ${object.address}`;
    case 'frr':
      return `frr ${object.stanza.id}${object.formerVrf === undefined ? '' : ` ${object.formerVrf}`}`;
    case 'fdb':
      return `fdb ${object.bridge} ${object.vlan} ${object.mac}`;
    case 'local-row': {
      const surplus = object.duplicate === undefined ? '' : ` (${object.duplicate})`;
      return `local-row ${rowKey(object.row)}${surplus}`;
    }
    default:
      return object satisfies never;
  }
}
