/**
 * Members of load balancers whose health checks find none online: Service_Monitor rows, in which ovn-controllers write
 * what they find (ovn-sb(5)). OVN sends to no member that is not online; one that nobody checks counts as online.
 *
 * In: keys of `vips` with their members, and the monitors by member. Out: the keys of which every member is checked and
 * none is online. Pure.
 */
import { type IpAddress, parseIp } from '../base/address.ts';

export interface MonitorRow {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string | undefined;
  readonly logical_port: string;
  readonly status: string | undefined;
}

/** Columns and index of Service_Monitor for both databases' declarations. */
export const SERVICE_MONITOR_COLUMNS = {
  ip: 'string',
  port: 'integer',
  protocol: 'optional-string',
  logical_port: 'string',
  /** `online`, `offline` or `error`; absent before the first check. */
  status: 'optional-string',
} as const;

export function monitorKey(row: Pick<MonitorRow, 'ip' | 'port' | 'protocol'>): string {
  return `${parseIp(row.ip) ?? row.ip} ${row.port} ${protocolOf(row.protocol)}`;
}

export interface CheckedVips {
  readonly vips: ReadonlyMap<string, string>;
  readonly protocol: string | undefined;
  /** Whether a key has a health check. */
  readonly isChecked: (key: string) => boolean;
  readonly monitorsOf: (member: IpAddress, key: string) => readonly MonitorRow[];
}

/** Keys with members of which none is online, sorted. */
export function offlineVips({ vips, protocol, isChecked, monitorsOf }: CheckedVips): readonly string[] {
  return [...vips]
    .filter(([key, text]) => {
      const members = isChecked(key) ? text.split(',').map(memberOf) : [];
      return (
        members.length > 0 &&
        members.every((member) => {
          if (member === undefined) return false;
          const { address, port } = member;
          const monitors = monitorsOf(address, monitorKey({ ip: address, port, protocol }));
          return monitors.length > 0 && monitors.every(({ status }) => isDown(status));
        })
      );
    })
    .map(([key]) => key)
    .sort();
}

function memberOf(text: string): { readonly address: IpAddress; readonly port: number } | undefined {
  const [, six, four, port] = /^(?:\[([^[\]]*)\]|([0-9.]+)):([0-9]+)$/.exec(text.trim()) ?? [];
  const address = parseIp(six ?? four ?? '');
  return address === undefined ? undefined : { address, port: Number(port) };
}

function isDown(status: string | undefined): boolean {
  return status !== undefined && status !== '' && status !== 'online';
}

/** A load balancer without a protocol is one for TCP (ovn-nb(5)). */
function protocolOf(protocol: string | undefined): string {
  return protocol === undefined || protocol === '' ? 'tcp' : protocol;
}
