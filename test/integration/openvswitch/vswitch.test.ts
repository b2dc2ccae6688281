/** `openVswitch` against a real ovsdb-server and ovs-vswitchd. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MacAddress } from '../../../src/base/address.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { OvsError } from '../../../src/openvswitch/errors.ts';
import { macTweakFlows } from '../../../src/openvswitch/flows.ts';
import { openSwitchDatabase } from '../../../src/openvswitch/switch-database.ts';
import type { OvsSnapshot } from '../../../src/openvswitch/types.ts';
import { openVswitch, Vswitch } from '../../../src/openvswitch/vswitch.ts';
import { eventually } from '../../support/child.ts';
import { OvsNode } from './ovs-node.ts';

const PORT = { name: 'br-ex.100', tag: 100, mac: '02:ee:00:00:00:21' };
const FLOWS = macTweakFlows(1, PORT.mac as MacAddress);

let node: OvsNode;
let ovs: Vswitch;

beforeEach(async () => {
  node = await OvsNode.start();
  await node.addBridge('br-ex');
  ovs = openVswitch({
    remote: node.remote,
    runDir: node.runDir,
    ofctlPath: 'ovs-ofctl',
    logger: silentLogger,
  });
});

afterEach(async () => {
  await ovs.close();
  await node.stop();
});

async function snapshotWith(condition: (snapshot: OvsSnapshot) => boolean): Promise<OvsSnapshot> {
  let found: OvsSnapshot | undefined;
  await eventually(() => {
    found = ovs.snapshot();
    return found !== undefined && condition(found);
  });
  if (found === undefined) throw new Error('there is no snapshot');
  return found;
}

async function errorOf(work: Promise<unknown>): Promise<OvsError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OvsError);
  return error as OvsError;
}

describe('the snapshot', () => {
  test('holds what vswitchd says of bridges and ports, and the settings of the node', async () => {
    const settings =
      'system-id=c1 hostname=node1 ovn-bridge-mappings=physnet1:br-ex ovn-bridge-mappings-c1=physnet2:br-ex';
    for (const setting of settings.split(' '))
      await node.vsctl('set', 'open', '.', `external-ids:${setting}`);
    await node.vsctl('set', 'open', '.', 'external-ids:ovn-remote="tcp:192.0.2.1:6642"');
    await node.vsctl('add-port', 'br-ex', 'p1', 'tag=7', '--', 'set', 'interface', 'p1', 'type=internal');
    await node.vsctl('set', 'interface', 'p1', 'external-ids:iface-id=x');
    await node.vsctl('set', 'port', 'p1', 'external-ids:ovn-localnet-port=y');
    const snapshot = await snapshotWith(
      ({ bridges }) => bridges.get('br-ex')?.ports.get('p1')?.ofport !== undefined,
    );
    expect(snapshot).toMatchObject({
      systemId: 'c1',
      hostname: 'node1',
      bridgeMappings: 'physnet2:br-ex',
      ovnRemote: 'tcp:192.0.2.1:6642',
      ovnNbRemote: undefined,
    });
    const bridge = snapshot.bridges.get('br-ex');
    expect(bridge?.datapathType).toBe('netdev');
    expect([...(bridge?.ports.keys() ?? [])].sort()).toEqual(['br-ex', 'p1']);
    const { ofport: _, linkUp: __, ...port } = bridge?.ports.get('p1') ?? {};
    expect(port).toEqual({
      name: 'p1',
      type: 'internal',
      tag: 7,
      externalIds: new Map([
        ['iface-id', 'x'],
        ['ovn-localnet-port', 'y'],
      ]),
    });
  });

  test('survives the loss of the database, and follows it when it is back', async () => {
    const before = await snapshotWith(({ bridges }) => bridges.has('br-ex'));
    await node.stopServer();
    expect(ovs.snapshot()).toBe(before);
    await node.startServer();
    await node.vsctl('set', 'open', '.', 'external-ids:hostname=later');
    const after = await snapshotWith(({ hostname }) => hostname === 'later');
    expect(after.bridges.has('br-ex')).toBe(true);
  });

  test('a port that cannot be opened has no number', async () => {
    await node.vsctl('--no-wait', 'add-port', 'br-ex', 'nosuch');
    const { bridges } = await snapshotWith(
      (snapshot) => snapshot.bridges.get('br-ex')?.ports.has('nosuch') === true,
    );
    expect(bridges.get('br-ex')?.ports.get('nosuch')?.ofport).toBeUndefined();
  });

  test('changes are told', async () => {
    await snapshotWith(({ bridges }) => bridges.has('br-ex'));
    const kinds: string[] = [];
    const unsubscribe = ovs.subscribe(({ kind }) => kinds.push(kind));
    await node.vsctl('set', 'open', '.', 'external-ids:hostname=other');
    await eventually(() => kinds.length > 0);
    expect(new Set(kinds)).toEqual(new Set(['database']));
    expect(ovs.snapshot()?.hostname).toBe('other');
    unsubscribe();
  });
});

describe('internal ports', () => {
  beforeEach(async () => {
    await snapshotWith(({ bridges }) => bridges.has('br-ex'));
  });

  test('are made, usable at once, corrected, and removed', async () => {
    await ovs.ensureInternalPort('br-ex', PORT);
    expect(await node.ip('-br', 'link', 'show', 'dev', PORT.name)).toContain(PORT.mac);
    const made = ovs.snapshot()?.bridges.get('br-ex')?.ports.get(PORT.name);
    expect(made).toMatchObject({ type: 'internal', tag: 100 });
    expect(made?.ofport).toBeGreaterThan(0);
    expect(made?.externalIds).toEqual(new Map([['ovn-bgp-agent', 'vlan']]));

    await ovs.ensureInternalPort('br-ex', { ...PORT, tag: 101, mac: '02:ee:00:00:00:22' });
    expect(await node.ip('-br', 'link', 'show', 'dev', PORT.name)).toContain('02:ee:00:00:00:22');
    expect(ovs.snapshot()?.bridges.get('br-ex')?.ports.get(PORT.name)).toMatchObject({
      tag: 101,
      ofport: made?.ofport,
    });

    await ovs.removePort('br-ex', PORT.name);
    expect(ovs.snapshot()?.bridges.get('br-ex')?.ports.has(PORT.name)).toBe(false);
    await eventually(async () => !(await node.ip('-br', 'link')).includes(PORT.name));
    expect(await node.vsctl('--columns=name', '--bare', 'list', 'interface')).not.toContain(PORT.name);
    await ovs.removePort('br-ex', PORT.name);
  });

  test('ensuring what is there makes no transaction', async () => {
    await ovs.ensureInternalPort('br-ex', PORT);
    const real = openSwitchDatabase(node.remote, silentLogger);
    let transactions = 0;
    const counting = new Vswitch({
      database: {
        ...real,
        transact: (operations, signal) => {
          transactions++;
          return real.transact(operations, signal);
        },
      },
      runDir: node.runDir,
      ofctlPath: 'ovs-ofctl',
      logger: silentLogger,
    });
    await eventually(() => counting.snapshot() !== undefined);
    await counting.ensureInternalPort('br-ex', PORT);
    expect(transactions).toBe(0);
    await counting.ensureInternalPort('br-ex', { ...PORT, tag: 5 });
    expect(transactions).toBe(1);
    await counting.close();
  });

  test('that others made are refused', async () => {
    await node.vsctl('add-port', 'br-ex', PORT.name, '--', 'set', 'interface', PORT.name, 'type=internal');
    await snapshotWith(({ bridges }) => bridges.get('br-ex')?.ports.has(PORT.name) === true);
    expect((await errorOf(ovs.ensureInternalPort('br-ex', PORT))).code).toBe('foreign');
    expect((await errorOf(ovs.removePort('br-ex', PORT.name))).code).toBe('foreign');
    expect(await node.vsctl('list-ports', 'br-ex')).toContain(PORT.name);
  });

  test('on a bridge that does not exist', async () => {
    expect((await errorOf(ovs.ensureInternalPort('br-none', PORT))).code).toBe('no-bridge');
    await ovs.removePort('br-none', PORT.name);
  });

  test('that vswitchd does not make are an error with the reason', async () => {
    await node.stopVswitchd();
    const hasty = new Vswitch({
      database: openSwitchDatabase(node.remote, silentLogger),
      runDir: node.runDir,
      ofctlPath: 'ovs-ofctl',
      logger: silentLogger,
      portTimeoutMs: 200,
    });
    await eventually(() => hasty.snapshot() !== undefined);
    const error = await errorOf(hasty.ensureInternalPort('br-ex', PORT));
    await hasty.close();
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('vswitchd');
    await node.startVswitchd();
    await ovs.ensureInternalPort('br-ex', PORT);
    expect(await node.ip('-br', 'link', 'show', 'dev', PORT.name)).toContain(PORT.mac);
  });

  test('are not waited for when the caller gives up', async () => {
    await node.stopVswitchd();
    const controller = new AbortController();
    const reason = new Error('shutting down');
    const work = ovs.ensureInternalPort('br-ex', PORT, controller.signal);
    await snapshotWith(({ bridges }) => bridges.get('br-ex')?.ports.has(PORT.name) === true);
    controller.abort(reason);
    await expect(work).rejects.toBe(reason);
  });

  test.each([
    { ...PORT, name: 'a name' },
    { ...PORT, name: 'longer-than-fifteen' },
    { ...PORT, tag: 4095 },
    { ...PORT, mac: '02:EE:00:00:00:21' },
  ])('values outside of their grammar reach nobody: %o', async (port) => {
    expect((await errorOf(ovs.ensureInternalPort('br-ex', port))).code).toBe('invalid');
  });
});

describe('flows', () => {
  test('of watched bridges tell of changes, also of the loss of all when vswitchd restarts', async () => {
    await ovs.applyFlows(
      'br-ex',
      FLOWS.map((flow) => ({ op: 'add', flow })),
    );
    let events = 0;
    ovs.subscribe((event) => {
      if (event.kind === 'flows' && event.bridge === 'br-ex') events++;
    });
    ovs.watchFlows(['br-ex']);
    await eventually(() => events >= 2);
    await node.stopVswitchd();
    await node.startVswitchd();
    const seen = events;
    await eventually(() => events > seen);
    await eventually(async () => (await ovs.flows('br-ex')).length === 0);
    ovs.watchFlows([]);
    const unwatched = events;
    await ovs.applyFlows(
      'br-ex',
      FLOWS.map((flow) => ({ op: 'add', flow })),
    );
    expect(await ovs.flows('br-ex')).toHaveLength(2);
    expect(events).toBe(unwatched);
  });
});
