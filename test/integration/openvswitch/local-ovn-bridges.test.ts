/** What the method `ovn` asks of a real ovs-vswitchd: static MAC table entries over its control socket, and its flows. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseMac } from '../../../src/base/address.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { sameFlow } from '../../../src/openvswitch/flows.ts';
import type { Flow } from '../../../src/openvswitch/types.ts';
import { openVswitch, type Vswitch } from '../../../src/openvswitch/vswitch.ts';
import { EXAMPLE, exposure, onLink, ovnInput, PROVNET, prefix } from '../../../src/wiring/ovn-testing.ts';
import { wire } from '../../../src/wiring/wire.ts';
import { until } from '../../support/until.ts';
import { OvsNode } from './ovs-node.ts';

const MAC = parseMac('52:54:00:3f:90:97') ?? fail();
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

function fail(): never {
  throw new Error('not valid in a test');
}

it('adds, shows and removes a static entry, which vswitchd forgets when it restarts', async () => {
  const entry = { mac: MAC, vlan: 0 };
  expect(await ovs.staticFdb('br-ex')).toEqual([]);
  await ovs.addStaticFdb('br-ex', entry);
  await ovs.addStaticFdb('br-ex', entry);
  expect(await ovs.staticFdb('br-ex')).toEqual([entry]);
  await ovs.removeStaticFdb('br-ex', entry);
  expect(await ovs.staticFdb('br-ex')).toEqual([]);
  await ovs.addStaticFdb('br-ex', entry);
  await node.stopVswitchd('SIGKILL');
  await expect(ovs.staticFdb('br-ex')).rejects.toThrow(/ovs-vswitchd/);
  await node.startVswitchd();
  const after = await until('it answers', () => ovs.staticFdb('br-ex').catch(() => undefined));
  expect(after).toEqual([]);
});

it('names the bridge that does not exist, and finds nothing on it', async () => {
  expect(await ovs.staticFdb('br-none')).toEqual([]);
  await expect(ovs.addStaticFdb('br-none', { mac: MAC, vlan: 0 })).rejects.toThrow(/no such bridge/);
});

it('T17: takes every flow of the method, and shows it as it was written', async () => {
  const exposures = [
    exposure('10.1.1.1', onLink('fa:16:3e:00:00:01')),
    exposure('2001:db8:4::10', onLink('fa:16:3e:00:00:01')),
  ];
  const pool = [...(EXAMPLE.providerNetworksPoolPrefixes ?? []), prefix('2001:db8:4::/64')];
  const input = ovnInput({
    cluster: { ...EXAMPLE, providerNetworksPoolPrefixes: pool, peerIps: [...(EXAMPLE.peerIps ?? [])] },
  });
  const flows = wire(exposures, input, [PROVNET]).objects.flatMap(({ object }): Flow[] =>
    object.kind === 'flow' && object.bridge !== 'br-ex-2' ? [object.flow] : [],
  );
  expect(new Set(flows.map(({ priority }) => priority))).toEqual(new Set([1000, 1050, 1100]));
  await ovs.applyFlows(
    'br-ex',
    flows.map((flow) => ({ op: 'add', flow })),
  );
  const held = await ovs.flows('br-ex');
  expect(held).toHaveLength(flows.length);
  for (const flow of flows) {
    expect(held.find((each) => sameFlow(each, flow) && each.match === flow.match)).toBeDefined();
  }
});
