/** What commands say when something is wrong, and how they end: docs/operations.md has the table of exit codes. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { type CommandNode, run, startNode } from './node-commands.ts';

let node: CommandNode;
let northbound: OvsdbServer;
let southbound: OvsdbServer;

beforeAll(async () => {
  node = await startNode();
  northbound = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
  southbound = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
});
afterAll(async () => {
  await Promise.all([node.stop(), northbound.stop(), southbound.stop()]);
});

describe('plan says what is wrong with a database', () => {
  it.each<[string, () => string, string]>([
    ['nothing listens', () => 'tcp:127.0.0.1:6641', 'the connection was refused'],
    ['there is no such socket', () => `unix:${join(node.directory, 'nb.sock')}`, 'there is no such socket'],
    ['it is the other database', () => southbound.remote, 'OVN_Southbound'],
    ['there is no certificate', () => 'ssl:127.0.0.1:6641', '/etc/'],
    [
      'the first does not answer and the second is another',
      () => `tcp:127.0.0.1:6641,${southbound.remote}`,
      'OVN_Southbound',
    ],
  ])('%s', async (_, remote, said) => {
    await node.setIds({ 'ovn-nb-remote': remote() });
    const { code, stdout, stderr } = await node.run(['plan', '--timeout', '2']);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('has not answered');
    expect([code, stdout]).toEqual([1, '']);
  });

  it('that is the local one', async () => {
    const { code, stderr } = await node.run([
      'plan',
      '--timeout',
      '20',
      '--ovsdb-connection',
      northbound.remote,
    ]);
    expect(stderr).toContain('the local Open_vSwitch database');
    expect(stderr).toContain('OVN_Northbound');
    expect(code).toBe(1);
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['nobody said where it is', { 'ovn-nb-remote': '' }, 'external_ids:ovn-nb-remote'],
    ['its address is none', { 'ovn-nb-remote': 'tcp;192.0.2.1' }, 'external_ids:ovn-nb-remote'],
    ['the node has no name', { 'system-id': '' }, 'external_ids:system-id'],
  ])('%s', async (_, ids, said) => {
    await node.setIds(ids);
    const { code, stderr } = await node.run(['plan']);
    expect(stderr).toContain(said);
    expect(code).toBe(1);
    await node.setIds({ 'system-id': 'C1' });
  });
});

describe('wrong usage ends with 64 and a hint', () => {
  it.each(['plan', 'cleanup'])('%s --timeout takes seconds', async (command) => {
    for (const text of ['abc', '-1', '']) {
      const { code, stdout, stderr } = await node.run([command, `--timeout=${text}`]);
      expect([text, code, stdout]).toEqual([text, 64, '']);
      expect(stderr).toContain('Give a number of seconds');
    }
  });

  it.each([
    ['an unknown command', ['plann']],
    ['an unknown flag', ['plan', '--verbos']],
    ['a value of an option', ['config', 'check', '--bgp-as', 'x']],
    ['an output', ['plan', '--output', 'yaml']],
    ['the file of an option', ['plan', '--config-file', '/nonexistent/bgp-agent.conf']],
    ['a flag that is missing', ['plan', '--chassis', 'C1', '--bridge-mappings', 'physnet1:br-ex']],
  ])('%s', async (_, args) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/^error: /m);
  });
});
