import { describe, expect, test } from 'vitest';
import type { TableView } from '../ovsdb/index.ts';
import { checkPort, ensurePortOperations, portProgress, removePortOperations } from './ports.ts';
import {
  type BridgeRow,
  buildSnapshot,
  type InterfaceRow,
  type PortRow,
  type SwitchTables,
} from './snapshot.ts';

const PORT = { name: 'br-ex.100', tag: 100, mac: '02:ee:00:00:00:21' };
const BRIDGE: BridgeRow = { _uuid: 'bridge', name: 'br-ex', datapath_type: 'system', ports: ['port'] };
const OURS: PortRow = {
  _uuid: 'port',
  name: PORT.name,
  tag: 100,
  interfaces: ['device'],
  external_ids: new Map([['ovn-bgp-agent', 'vlan']]),
};
const DEVICE: InterfaceRow = {
  _uuid: 'device',
  name: PORT.name,
  type: 'internal',
  ofport: 3,
  error: undefined,
  mac: PORT.mac,
  link_state: undefined,
  options: new Map(),
  mac_in_use: PORT.mac,
  external_ids: new Map(),
};

function view(rows: readonly { readonly _uuid: string; readonly name?: string }[]): TableView {
  const found: unknown = {
    size: rows.length,
    get: (uuid: string) => rows.find(({ _uuid: id }) => id === uuid),
    find: (_: string, key: string) => rows.filter(({ name }) => name === key),
    [Symbol.iterator]: () => rows[Symbol.iterator](),
  };
  return found as TableView;
}

function tables(rows: {
  readonly bridges?: readonly BridgeRow[];
  readonly ports?: readonly PortRow[];
  readonly devices?: readonly InterfaceRow[];
}): SwitchTables {
  const all: unknown = {
    Open_vSwitch: view([]),
    Bridge: view(rows.bridges ?? [BRIDGE]),
    Port: view(rows.ports ?? [OURS]),
    Interface: view(rows.devices ?? [DEVICE]),
  };
  return all as SwitchTables;
}

describe('operations', () => {
  const kinds = (operations: readonly { readonly op: string; readonly table?: string }[]): string[] =>
    operations.map(({ op, table }) => `${op} ${table}`);

  test('nothing for a port that is as wanted', () => {
    expect(ensurePortOperations(tables({}), 'br-ex', PORT)).toEqual([]);
  });

  test('only what differs, guarded by what the decision was based on', () => {
    const guards = ['wait Port', 'wait Bridge'];
    const changed = (port: Partial<PortRow>, device: Partial<InterfaceRow>): string[] =>
      kinds(
        ensurePortOperations(
          tables({ ports: [{ ...OURS, ...port }], devices: [{ ...DEVICE, ...device }] }),
          'br-ex',
          PORT,
        ),
      );
    expect(changed({ tag: 5 }, {})).toEqual([...guards, 'update Port']);
    expect(changed({}, { mac: undefined })).toEqual([...guards, 'update Interface']);
    expect(changed({}, { mac: PORT.mac.toUpperCase() })).toEqual([]);
  });

  test('a port of ours on another bridge moves', () => {
    const other: BridgeRow = { ...BRIDGE, _uuid: 'other', name: 'br-other' };
    const operations = ensurePortOperations(
      tables({ bridges: [{ ...BRIDGE, ports: [] }, other] }),
      'br-ex',
      PORT,
    );
    expect(kinds(operations)).toEqual(['wait Port', 'wait Bridge', 'mutate Bridge', 'mutate Bridge']);
    expect(removePortOperations(tables({ bridges: [other] }), 'br-ex', PORT.name)).toEqual([]);
  });

  test('ports without the mark are refused', () => {
    const foreign = tables({ ports: [{ ...OURS, external_ids: new Map() }] });
    const refusal = expect.objectContaining({ code: 'foreign', bridge: 'br-ex' });
    expect(() => ensurePortOperations(foreign, 'br-ex', PORT)).toThrow(refusal);
    expect(() => removePortOperations(foreign, 'br-ex', PORT.name)).toThrow(refusal);
  });
});

describe('progress', () => {
  const progress = (device: Partial<InterfaceRow>): unknown =>
    portProgress(tables({ devices: [{ ...DEVICE, ...device }] }), PORT);

  test('ready means opened, and with its MAC address', () => {
    expect(progress({})).toEqual({ state: 'ready' });
    expect(progress({ ofport: undefined })).toMatchObject({ state: 'waiting' });
    expect(progress({ ofport: -1 })).toMatchObject({ state: 'waiting' });
    expect(progress({ mac_in_use: undefined })).toMatchObject({ state: 'waiting' });
    expect(progress({ mac_in_use: '02:00:00:00:00:01' })).toMatchObject({ state: 'waiting' });
    expect(progress({ ofport: -1, error: 'no such device' })).toEqual({
      state: 'failed',
      error: 'no such device',
    });
    expect(portProgress(tables({ ports: [] }), PORT)).toMatchObject({ state: 'waiting' });
  });
});

describe('the snapshot', () => {
  test('leaves out references to rows that are not there', () => {
    const torn = tables({ bridges: [{ ...BRIDGE, ports: ['port', 'gone'] }], devices: [] });
    const { bridges, systemId, bridgeMappings } = buildSnapshot(torn);
    expect({ systemId, bridgeMappings }).toEqual({ systemId: undefined, bridgeMappings: '' });
    expect([...(bridges.get('br-ex')?.ports.values() ?? [])]).toEqual([
      { name: PORT.name, type: '', tag: 100, ofport: undefined, externalIds: OURS.external_ids },
    ]);
  });
});

describe('checkPort', () => {
  test.each([
    { ...PORT, name: '' },
    { ...PORT, name: '-x' },
    { ...PORT, name: 'a/b' },
    { ...PORT, tag: 0 },
    { ...PORT, mac: 'nonsense' },
  ])('refuses %o', (port) => {
    expect(() => checkPort('br-ex', port)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});
