/**
 * Where a port is, from the point of view of this node: the rules by which two nodes never disagree for long.
 *
 * Northbound: the cloud's intention (`requested-chassis`, `neutron:host_id`), by host name. Southbound: the binding that
 * ovn-controller made, by chassis name.
 */
import { HOST_ID_KEY } from './external-ids.ts';
import type { Residence } from './topology.ts';

interface NorthboundPort {
  readonly type: string;
  readonly up: boolean | undefined;
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/**
 * The requested chassis names hosts, several during a live migration; OVN ignores it on virtual ports. `alias`: another
 * name of this node that a request may use (plain OVN: the chassis name).
 */
export function northboundResidence(port: NorthboundPort, hostname: string, alias = hostname): Residence {
  const requested = port.type === 'virtual' ? '' : (port.options.get('requested-chassis') ?? '');
  const hosts = requested.split(',');
  const named = [hostname, alias];
  const node =
    requested === ''
      ? port.external_ids.get(HOST_ID_KEY)
      : (hosts.find((host) => named.includes(host)) ?? hosts[0]);
  if (node === undefined || node === '') return { kind: 'nowhere' };
  if (!named.includes(node)) return { kind: 'elsewhere', node };
  const up = port.up === true;
  // The first is the main one: ovn-nb(5).
  if (hosts.length > 1) return { kind: 'migrating', up, main: named.includes(hosts[0] ?? '') };
  return up ? { kind: 'here' } : { kind: 'down' };
}

interface Binding {
  readonly type: string;
  /** Chassis name of the binding. */
  readonly chassis: string | undefined;
  /** Chassis names of the further bindings of a port that is being migrated. */
  readonly additionalChassis: readonly string[];
  readonly up: boolean | undefined;
}

/**
 * A port that is bound in several places is here in each of them: OVN delivers to all of its bindings, so the
 * destination announces the address before the source lets go of it. `up` is absent in releases before OVN 20.12, where
 * a binding counts as up.
 */
export function southboundResidence(binding: Binding, systemId: string): Residence {
  const up = binding.up !== false;
  const additional = binding.type === 'virtual' ? [] : binding.additionalChassis;
  if (additional.includes(systemId)) return { kind: 'migrating', up, main: false };
  if (binding.chassis === undefined || binding.chassis === '') return { kind: 'nowhere' };
  if (binding.chassis !== systemId) return { kind: 'elsewhere', node: binding.chassis };
  if (additional.length > 0) return { kind: 'migrating', up, main: true };
  return up ? { kind: 'here' } : { kind: 'down' };
}
