/**
 * Rows of the local cluster as values: what makes one the same row, when two are equal, how one is told to people. Pure.
 */
import { contains, parseIp, parsePrefix } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import type { BfdReference, LocalRow, RowOptions } from './types.ts';

const LINK_LOCAL = parsePrefix('fe80::/10');

/** Equal for the same row, perhaps with other contents; begins with the table. */
export function rowKey(row: LocalRow): string {
  switch (row.table) {
    case 'Logical_Switch':
    case 'Logical_Switch_Port':
    case 'Logical_Router':
    case 'Logical_Router_Port':
    case 'Gateway_Chassis':
      return `${row.table} ${row.name}`;
    case 'Logical_Router_Policy':
      return `${row.table} ${row.router} ${row.priority} ${row.match}`;
    case 'Logical_Router_Static_Route': {
      const port = isLinkLocalNextHop(row.nexthop) ? ` ${row.outputPort ?? ''}` : '';
      return `${row.table} ${row.router} ${row.prefix} ${row.nexthop}${port}`;
    }
    case 'Static_MAC_Binding':
      return `${row.table} ${row.port} ${row.ip}`;
    case 'BFD':
      return bfdKey(row);
    case 'ACL':
      return `${row.table} ${row.switch} ${row.direction} ${row.priority} ${row.match}`;
    default:
      return row satisfies never;
  }
}

export function bfdKey({ port, peer }: BfdReference): string {
  return `BFD ${port} ${peer}`;
}

export function isLinkLocalNextHop(nexthop: string): boolean {
  const address = parseIp(nexthop);
  return address !== undefined && LINK_LOCAL !== undefined && contains(LINK_LOCAL, address);
}

/** True when two rows of one key have the same contents. */
export function sameRow(a: LocalRow, b: LocalRow): boolean {
  return contentsText(a) === contentsText(b);
}

function contentsText(row: LocalRow): string {
  // Members in the order of their names: the two sides are put together in different places.
  return JSON.stringify(row, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareText(a, b)));
  });
}

/** One line, in the manner of ovn-nbctl(8). */
export function describeRow(row: LocalRow): string {
  switch (row.table) {
    case 'Logical_Switch':
      return `switch ${row.name}`;
    case 'Logical_Switch_Port': {
      const tag = row.tag === undefined ? '' : ` tag ${row.tag}`;
      return `switch port ${row.name} on ${row.switch} type ${row.type}${tag}${optionsText(row.options)}`;
    }
    case 'Logical_Router':
      return `router ${row.name}${optionsText(row.options)}`;
    case 'Logical_Router_Port':
      return `router port ${row.name} on ${row.router} mac ${row.mac} networks ${row.networks.join(' ')}`;
    case 'Gateway_Chassis':
      return `gateway chassis ${row.name} of ${row.port}: ${row.chassis} priority ${row.priority}`;
    case 'Logical_Router_Policy': {
      const bfd = row.bfd.length === 0 ? '' : ' with BFD';
      return `policy ${row.priority} of ${row.router} ${row.match} ${row.action} ${row.nexthops.join(' ')}${bfd}`;
    }
    case 'Logical_Router_Static_Route': {
      const port = row.outputPort === undefined ? '' : ` port ${row.outputPort}`;
      const bfd = row.bfd === undefined ? '' : ' with BFD';
      return `route of ${row.router} ${row.prefix} via ${row.nexthop}${port}${bfd}`;
    }
    case 'Static_MAC_Binding':
      return `MAC binding ${row.ip} is ${row.mac} on ${row.port}`;
    case 'BFD':
      return `BFD on ${row.port} to ${row.peer} (${row.minTxMs}/${row.minRxMs} ms x ${row.detectMultiplier})`;
    case 'ACL':
      return `ACL ${row.priority} of ${row.switch} ${row.direction} ${row.match} ${row.action}`;
    default:
      return row satisfies never;
  }
}

function optionsText(options: RowOptions): string {
  return Object.entries(options)
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
    .join('');
}
