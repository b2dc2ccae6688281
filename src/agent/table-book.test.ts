import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../config/assemble.ts';
import { FakeNode } from '../node/fake-node.ts';
import { TableBook, type TableFacts } from './table-book.ts';

const SIGNAL = new AbortController().signal;
const CONFIG = defaultConfig();

function nodeWith(...bridges: readonly string[]): FakeNode {
  const node = new FakeNode();
  for (const name of [...bridges, 'up0']) node.netlink.addLink({ name, up: true });
  return node;
}

async function vrfTables(node: FakeNode): Promise<readonly number[]> {
  return (await node.netlink.links()).flatMap(({ data }) => (data?.kind === 'vrf' ? [data.table] : []));
}

async function read(node: FakeNode, bridges: readonly string[], book = bookOf(node)): Promise<TableFacts> {
  return await book.read(bridges, await vrfTables(node), SIGNAL);
}

function bookOf(node: FakeNode): TableBook {
  return new TableBook(node, CONFIG);
}

function route(node: FakeNode, table: number, device: string, protocol = 3, destination = '0.0.0.0/0'): void {
  const family = destination.includes(':') ? 6 : 4;
  const index = node.netlink.linkNamed(device)?.index ?? 0;
  node.netlink.foreign({ type: 'route', op: 'add', route: { family, table, destination, protocol, index } });
}

describe('a number for a bridge without one', () => {
  it('is the first that nothing uses', async () => {
    const node = nodeWith('br-a', 'br-b', 'br-c');
    route(node, 1, 'up0');
    route(node, 2, 'up0', 4, '2001:db8:9::/48');
    node.netlink.addRule({
      family: 4,
      priority: 100,
      table: 3,
      action: 1,
      from: '10.0.0.1/32',
      other: false,
    });
    node.netlink.addRule({ family: 6, priority: 100, table: 4, action: 1, to: '2001:db8::/32', other: true });
    node.netlink.addLink({ name: 'red', kind: 'vrf', data: { kind: 'vrf', table: 5 } });
    node.files.otherTableNames = [{ number: 6, name: 'mgmt' }];
    node.files.rtTables = '7 seven\n';
    // 10 is the agent's own VRF's.
    route(node, 9, 'up0', 186, '10.9.0.0/16');
    const { numbers, problems } = await read(node, ['br-a', 'br-b', 'br-c']);
    expect(Object.fromEntries(numbers)).toEqual({ 'br-a': 8, 'br-b': 11, 'br-c': 12 });
    expect(problems.size).toBe(0);
  });

  it('stays while the agent runs, whatever others put into the table', async () => {
    const node = nodeWith('br-a');
    const book = bookOf(node);
    expect((await read(node, ['br-a'], book)).numbers.get('br-a')).toBe(1);
    route(node, 1, 'up0', 4);
    node.netlink.addRule({ family: 4, priority: 9, table: 1, action: 1, from: '10.0.0.1/32', other: false });
    node.files.otherTableNames = [{ number: 70, name: 'other' }];
    expect((await read(node, ['br-a'], book)).numbers.get('br-a')).toBe(1);
    // A start finds it in use.
    expect((await read(node, ['br-a'])).numbers.get('br-a')).toBe(2);
  });

  it('stays over a restart by what is in the table where the name was lost', async () => {
    const node = nodeWith('br-a', 'br-b');
    route(node, 4, 'br-b', 179);
    route(node, 9, 'br-a', 179, '::/0');
    expect(Object.fromEntries((await read(node, ['br-a', 'br-b'])).numbers)).toEqual({
      'br-a': 9,
      'br-b': 4,
    });
  });

  it('is looked for anew when somebody names it, or makes a VRF of it', async () => {
    const node = nodeWith('br-a', 'br-b');
    const book = bookOf(node);
    expect([...(await read(node, ['br-a', 'br-b'], book)).numbers.values()]).toEqual([1, 2]);
    node.files.otherTableNames = [{ number: 1, name: 'mgmt' }];
    expect([...(await read(node, ['br-a', 'br-b'], book)).numbers.values()].sort((a, b) => a - b)).toEqual([
      2, 3,
    ]);
    node.netlink.addLink({ name: 'red', kind: 'vrf', data: { kind: 'vrf', table: 3 } });
    expect([...(await read(node, ['br-a', 'br-b'], book)).numbers.values()].sort((a, b) => a - b)).toEqual([
      2, 4,
    ]);
  });
});

describe('a number that the files give a bridge', () => {
  it.each([
    [10, 'in use by the VRF bgp-vrf'],
    [254, 'in use by the kernel'],
    [5, 'in use by the VRF red'],
    [7, 'in use by somebody else (route 0.0.0.0/0 dev up0)'],
    [8, 'in use by another bridge'],
  ])('is not used when it is taken: %d', async (number, reason) => {
    const node = nodeWith('br-a', 'br-b');
    node.netlink.addLink({ name: 'red', kind: 'vrf', data: { kind: 'vrf', table: 5 } });
    route(node, 7, 'up0');
    node.files.rtTables = `8 br-b\n${number} br-a\n`;
    const { numbers, problems } = await read(node, ['br-b', 'br-a']);
    expect(numbers.get('br-a')).toBeUndefined();
    expect(problems.get('br-a')).toContain(reason);
    expect(numbers.get('br-b')).toBe(8);
  });

  it('counts in a file of rt_tables.d as well', async () => {
    const node = nodeWith('br-a');
    node.files.otherTableNames = [{ number: 300, name: 'br-a' }];
    expect((await read(node, ['br-a'])).numbers.get('br-a')).toBe(300);
  });
});

it('looks at the kernel once while nothing changes', async () => {
  const node = nodeWith('br-a');
  const book = bookOf(node);
  await read(node, ['br-a'], book);
  // The agent writes its line, and makes its VRF.
  node.files.rtTables = `${node.files.rtTables}1 br-a\n`;
  node.netlink.addLink({ name: 'bgp-vrf', kind: 'vrf', data: { kind: 'vrf', table: 10 } });
  const tables = await vrfTables(node);
  const { dumps } = node.netlink;
  await book.read(['br-a'], tables, SIGNAL);
  expect(node.netlink.dumps).toBe(dumps);
});

it('tells when no number is free', async () => {
  const node = nodeWith('br-a');
  node.files.rtTables = Array.from({ length: 252 }, (_, at) => `${at + 1} t${at}\n`).join('');
  const { problems } = await read(node, ['br-a']);
  expect(problems.get('br-a')).toContain('no number from 1 to 252 is free');
});

it('keeps what it knows when the files or the kernel cannot be read', async () => {
  const node = nodeWith('br-a', 'br-b');
  const book = bookOf(node);
  const known = await read(node, ['br-a'], book);
  node.files.readTableNames = () => Promise.reject(new Error('EACCES'));
  expect(await read(node, ['br-a'], book)).toBe(known);
  await expect(read(node, ['br-a', 'br-b'], book)).rejects.toThrow('EACCES');
});
