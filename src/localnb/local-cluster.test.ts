import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { insert } from '../ovsdb/operations.ts';
import { FakeLocalOvn } from './fake-local-ovn.ts';
import { rowKey } from './rows.ts';
import type { LocalRow, LocalWrite } from './types.ts';

const ROUTER: LocalRow = { table: 'Logical_Router', name: 'bgp-router', options: { chassis: 'bgp' } };
const PORT: LocalRow = {
  table: 'Logical_Router_Port',
  name: 'bgp-router-openstack',
  router: 'bgp-router',
  mac: '40:44:00:00:00:06',
  networks: ['169.254.255.1/30'],
};

function binding(number: number): LocalRow {
  return {
    table: 'Static_MAC_Binding',
    port: 'bgp-router-openstack',
    ip: `172.24.4.${number}`,
    mac: 'fa:16:3e:00:00:01',
  };
}

function put(...rows: readonly LocalRow[]): readonly LocalWrite[] {
  return rows.map((row) => ({ op: 'put', row }));
}

function keys(local: FakeLocalOvn): readonly string[] {
  return (local.snapshot()?.rows ?? []).map(({ row }) => rowKey(row));
}

/** Addresses that a transaction inserts bindings for. */
function boundIn(operations: Parameters<NonNullable<FakeLocalOvn['database']['refuse']>>[0]): unknown[] {
  return operations.flatMap((each) =>
    each.op === 'insert' && each.table === 'Static_MAC_Binding' ? [each.row.ip] : [],
  );
}

describe('LocalCluster', () => {
  it('leaves out the row that the server names, and writes the others', async () => {
    const local = new FakeLocalOvn();
    local.database.refuse = (operations) => {
      const index = operations.findIndex((each) => each.op === 'insert' && each.row.ip === '172.24.4.3');
      return index < 0 ? undefined : { operation: index };
    };
    const results = await local.write(put(binding(1), binding(2), binding(3), binding(4)));
    expect(results).toEqual([
      undefined,
      undefined,
      { message: expect.stringContaining('refused by a test') },
      undefined,
    ]);
    expect(keys(local)).toHaveLength(3);
    expect(local.database.log).toHaveLength(1);
  });

  it('narrows a refusal down that names no row', async () => {
    const local = new FakeLocalOvn();
    local.database.refuse = (operations) => (boundIn(operations).includes('172.24.4.6') ? {} : undefined);
    const rows = [1, 2, 3, 4, 5, 6, 7, 8].map(binding);
    const results = await local.write(put(...rows));
    expect(results.map((each) => each !== undefined)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(keys(local)).toHaveLength(7);
  });

  it('gives up when too much is refused, and says so for each row', async () => {
    const local = new FakeLocalOvn();
    local.database.refuse = () => ({});
    const results = await local.write(put(...Array.from({ length: 40 }, (_, index) => binding(index + 1))));
    expect(results.every((each) => each !== undefined)).toBe(true);
    expect(keys(local)).toEqual([]);
  });

  it('says of every row that the server is away', async () => {
    const local = new FakeLocalOvn();
    local.database.setAway(true);
    expect(await local.write(put(ROUTER, binding(1)))).toEqual([
      { message: expect.stringContaining('away'), silent: true },
      { message: expect.stringContaining('away'), silent: true },
    ]);
  });

  it('does not write columns that the server lacks', async () => {
    const local = new FakeLocalOvn({ without: ['Logical_Router_Policy.bfd_sessions'] });
    expect(local.snapshot()?.capabilities.policyBfd).toBe(false);
    const policy: LocalRow = {
      table: 'Logical_Router_Policy',
      router: 'bgp-router',
      priority: 10,
      match: 'inport=="bgp-router-openstack"',
      action: 'reroute',
      nexthops: ['100.64.0.5'],
      bfd: [],
    };
    expect(await local.write(put(ROUTER, policy))).toEqual([undefined, undefined]);
    expect(keys(local)).toContain(rowKey(policy));
  });

  it('takes a row that is there already for the one that is wanted', async () => {
    const local = new FakeLocalOvn();
    await local.write(put(ROUTER, PORT));
    const moved: LocalRow = { ...PORT, networks: ['172.24.4.0/24'] };
    await local.write(put(moved));
    expect(local.snapshot()?.rows.map(({ row }) => row)).toEqual([ROUTER, moved]);
  });

  it('waits a little for the effect, and not again while it fails to appear', async () => {
    const clock = new VirtualClock();
    const local = new FakeLocalOvn({ clock });
    const heard: string[] = [];
    local.subscribe((event) => heard.push(event));
    local.database.setIdle(true);
    let done = false;
    const first = local.write(put(ROUTER)).finally(() => {
      done = true;
    });
    await Promise.resolve();
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    clock.advance(500);
    await first;
    await local.write(put(binding(1)));
    expect(local.pending()).toMatch(/have not put change 2 in place yet/);
    local.database.setIdle(false);
    expect(local.pending()).toBeUndefined();
    expect(heard.at(-1)).toBe('in-effect');
  });

  it('has everything gone over once more without a change, and says when that did not happen', async () => {
    const clock = new VirtualClock();
    const local = new FakeLocalOvn({ clock });
    expect(await local.confirm()).toBeUndefined();
    expect(local.database.log.map((operations) => operations.map(({ op }) => op))).toEqual([
      ['mutate', 'select'],
    ]);
    local.database.setIdle(true);
    const late = local.confirm();
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(500);
    expect(await late).toMatch(/have not put change 2 in place yet/);
    local.database.setIdle(false);
    local.database.setAway(true);
    expect(await local.confirm()).toMatch(/away/);
  });

  it('writes nothing to a database with networks of OpenStack', async () => {
    const local = new FakeLocalOvn();
    local.database.edit([insert('Logical_Switch', { name: 'neutron-1' })]);
    expect(local.snapshot()?.foreign).toMatch(/the switch "neutron-1" of OpenStack Neutron/);
    const [result] = await local.write(put(ROUTER));
    expect(result?.message).toMatch(/nothing is written to it/);
    expect(keys(local)).not.toContain('Logical_Router bgp-router');
  });
});
