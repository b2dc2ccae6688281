/**
 * Who listens to the kernel's news of routes, and how far behind each is: /proc/net/netlink of the network namespace.
 *
 * The kernel queues a message for every listener. When a listener's buffer is full, the message is dropped for that one
 * alone, and neither it nor the writer can tell which. zebra never reads the table again, so what was dropped for it is
 * lost. In: the text of the file (net/netlink/af_netlink.c, `netlink_seq_show`). Out: a row a listener. Pure; a line that
 * cannot be read is left out.
 */

export interface NetlinkListener {
  /** Inode of the socket: what tells one from another. */
  readonly inode: number;
  /** Bytes that wait in its buffer, with the kernel's overhead. */
  readonly queuedBytes: number;
  /** Messages that were dropped for want of room, since the socket was opened. */
  readonly drops: number;
}

/** NETLINK_ROUTE of linux/netlink.h. */
const ROUTE_PROTOCOL = '0';
/** RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE of linux/rtnetlink.h. */
const ROUTE_GROUPS = 0x40 | 0x400;

export function routeListeners(text: string): readonly NetlinkListener[] {
  const listeners: NetlinkListener[] = [];
  for (const line of text.split('\n')) {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    const fields = line.trim().split(/\s+/);
    const [, protocol, , groups = '', queued, , , , drops, inode] = fields;
    if (protocol !== ROUTE_PROTOCOL || (Number.parseInt(groups, 16) & ROUTE_GROUPS) === 0) continue;
    const listener = { inode: Number(inode), queuedBytes: Number(queued), drops: Number(drops) };
    if (Object.values(listener).every((value) => Number.isSafeInteger(value))) listeners.push(listener);
  }
  return listeners;
}
