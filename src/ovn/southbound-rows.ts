/**
 * Small readings of Southbound rows that every kind of candidate needs: references, marks, scopes, where a row is bound.
 *
 * Total over any contents; text is handed on as it is.
 */
import { sortedBy } from '../base/order.ts';
import { ADDRESS_SCOPE4_KEY, ADDRESS_SCOPE6_KEY, words } from './external-ids.ts';
import { marksOf, nearestMarks } from './marks.ts';
import { southboundResidence } from './residence.ts';
import type { PortBinding, SouthboundViews } from './southbound-schema.ts';
import type { AddressScopes, Marks, Residence, RowReference } from './topology.ts';

export function bindingReference(row: PortBinding): RowReference {
  return { database: 'southbound', table: 'Port_Binding', uuid: row._uuid, name: row.logical_port };
}

/** The port of that name. Names are unique in a real database; of several, always the same one. */
export function bindingNamed(views: SouthboundViews, name: string | undefined): PortBinding | undefined {
  return name === undefined ? undefined : firstByUuid(views.Port_Binding.find('logicalPort', name));
}

export function firstByUuid<R extends { readonly _uuid: string }>(rows: readonly R[]): R | undefined {
  return rows.length < 2 ? rows[0] : sortedBy(rows, (row) => row._uuid)[0];
}

/** Words behind the MAC address. */
export function addressesOf(text: string | undefined): readonly string[] {
  return words(text).slice(1);
}

/** Addresses without their lengths. */
export function withoutLengths(cidrs: readonly string[]): readonly string[] {
  return cidrs.map((cidr) => cidr.split('/')[0] ?? '');
}

/** The operator's word on a binding: ovn-northd copies `external_ids` of ports. From the first row that has it. */
export function bindingMarks(...rows: readonly (PortBinding | undefined)[]): Marks {
  return nearestMarks(
    ...rows.filter((row) => row !== undefined).map((row) => marksOf(row.external_ids, bindingReference(row))),
  );
}

/** Neutron writes an empty text for "none". */
export function scopesOf(row: PortBinding | undefined): AddressScopes {
  const [scope4, scope6] = [
    row?.external_ids.get(ADDRESS_SCOPE4_KEY),
    row?.external_ids.get(ADDRESS_SCOPE6_KEY),
  ];
  return {
    ...(scope4 === undefined || scope4 === '' ? {} : { scope4 }),
    ...(scope6 === undefined || scope6 === '' ? {} : { scope6 }),
  };
}

export function residenceOf(row: PortBinding, views: SouthboundViews, systemId: string): Residence {
  // A chassis that is not in the replica (yet) is not this one: its UUID stands for its name.
  const nameOf = (uuid: string): string => views.Chassis.get(uuid)?.name ?? uuid;
  return southboundResidence(
    {
      type: row.type,
      chassis: row.chassis === undefined ? undefined : nameOf(row.chassis),
      additionalChassis: row.additional_chassis.map(nameOf),
      up: row.up,
    },
    systemId,
  );
}
