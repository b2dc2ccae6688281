/**
 * Where things are by the word of the Southbound database, for what the Northbound database does not tell: ports of plain
 * OVN, external ports, and gateway ports before OVN 23.09. As long as that word is awaited, their places are unknown.
 */
import { sortedBy } from '../base/order.ts';
import type { BoundThing } from './bindings-schema.ts';
import { type Cms, madeByNeutron } from './cms.ts';
import type { NorthboundContext } from './northbound-context.ts';
import type { LogicalSwitchPort, NorthboundViews } from './northbound-schema.ts';
import { plumbingType } from './northbound-schema.ts';
import { southboundResidence } from './residence.ts';
import type { Residence } from './topology.ts';

const NOWHERE: Residence = { kind: 'nowhere' };
const UNKNOWN: Residence = { kind: 'unknown' };
/** Name of the binding that follows the active chassis of a router's port. */
const chassisRedirectName = (port: string): string => `cr-${port}`;

export class NorthboundBindings {
  readonly #context: NorthboundContext;

  constructor(context: NorthboundContext) {
    this.#context = context;
  }

  /** Where a switch's port is bound. */
  portResidence(name: string): Residence {
    return this.#residence(name, 'port');
  }

  #residence(name: string, what: BoundThing): Residence {
    const { bindings, identity } = this.#context;
    if (name === '') return NOWHERE;
    if (this.#context.awaitsBindings(what)) return UNKNOWN;
    if (bindings === undefined) return NOWHERE;
    const row = sortedBy(bindings.Port_Binding.find('logicalPort', name), ({ _uuid }) => _uuid)[0];
    if (row === undefined) return NOWHERE;
    // A chassis that is not in the replica (yet) is not this one: its UUID stands for its name.
    const nameOf = (uuid: string): string => bindings.Chassis.get(uuid)?.name ?? uuid;
    return southboundResidence(
      {
        type: row.type,
        chassis: row.chassis === undefined ? undefined : nameOf(row.chassis),
        additionalChassis: row.additional_chassis.map(nameOf),
        up: row.up,
      },
      identity.systemId,
    );
  }

  /** Where a router's port is active: bound or not, it is never down or migrating. */
  gatewayResidence(name: string): Residence {
    if (name === '') return NOWHERE;
    const residence = this.#residence(chassisRedirectName(name), 'gateway');
    return residence.kind === 'down' || residence.kind === 'migrating' ? { kind: 'here' } : residence;
  }
}

export interface BindingsQuestion {
  readonly cms: Cms;
  /** Whether the server's schema has `Logical_Router_Port.status`, which tells where gateways are. */
  readonly gatewaysTold: boolean;
  /** Whether external ports are to be exposed. */
  readonly external: boolean;
}

/** Whether these rows are somewhere that only the Southbound database tells. */
export function needsBindings(
  rows: {
    readonly ports: Iterable<LogicalSwitchPort>;
    readonly routerPorts: Iterable<NorthboundRouterPort>;
  },
  question: BindingsQuestion,
): boolean {
  for (const row of rows.ports) if (portNeedsBinding(row, question)) return true;
  if (question.gatewaysTold) return false;
  for (const row of rows.routerPorts) {
    if (row.gateway_chassis.length > 0 || row.ha_chassis_group !== undefined) return true;
  }
  return false;
}

type NorthboundRouterPort = NorthboundViews['Logical_Router_Port'] extends Iterable<infer R> ? R : never;

function portNeedsBinding(row: LogicalSwitchPort, { cms, external }: BindingsQuestion): boolean {
  if (row.type === 'external') return external;
  if (plumbingType(row) !== undefined || madeByNeutron(row.external_ids, cms)) return false;
  return row.type === 'virtual' || (row.options.get('requested-chassis') ?? '') === '';
}
