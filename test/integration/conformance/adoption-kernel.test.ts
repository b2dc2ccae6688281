/**
 * The same swap on the real kernel, in a network namespace: captured rules, routes, neighbours and addresses as the
 * kernel keeps them, without marks. Bridges without ports stand in for those of Open vSwitch; its database and flows,
 * and FRR, are those of the node in memory. A kernel without VRF, dummy or VLAN devices runs the part that needs none.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import {
  type LinkData,
  openRtnetlink,
  type Request,
  type RtnetlinkClient,
} from '../../../src/netlink/index.ts';
import { deviceOf } from '../../../src/node/device-of.ts';
import type { NodeEdge } from '../../../src/node/edge.ts';
import { Node } from '../../../src/node/node.ts';
import type { DesiredObject, NodeObject, ObjectKey } from '../../../src/node/objects.ts';
import { Namespace, supportedKinds } from '../netlink/namespace.ts';
import { agentRequests, linkData } from './captured-node.ts';
import { BGP_NIC, BGP_VRF, BRIDGE } from './captured-objects.ts';
import type { CapturedState } from './captured-state.ts';
import { CASES, type CapturedCloud, compute, NODES, startCloud } from './captures.ts';
import { adoptionChanges, changeLines } from './expected-states.ts';

const DEVICES = [BRIDGE, BGP_VRF, BGP_NIC, `${BRIDGE}.100`];
const kinds: ReadonlySet<LinkData['kind']> = await supportedKinds();
const absent = (['vrf', 'dummy', 'vlan'] as const).filter((kind) => !kinds.has(kind));
const scope =
  absent.length === 0 ? '' : `, without what needs ${absent.join(', ')} devices, which this kernel lacks`;

describe.each(CASES)(
  `starting on the kernel state of the Python agent (%s) with %s${scope}`,
  (scenario, driver) => {
    let cloud: CapturedCloud;
    let namespace: Namespace;
    let netlink: RtnetlinkClient;
    beforeAll(async () => {
      cloud = await startCloud(scenario, driver);
    });
    afterAll(() => cloud.stop());
    beforeEach(() => {
      namespace = new Namespace();
      netlink = openRtnetlink({ netns: namespace.path });
    });
    afterEach(() => {
      netlink.close();
      namespace.remove();
    });

    it.each(NODES)('%s: changes what is listed, and the rest is as it was', async (name) => {
      const state = onKernel(cloud.state(name));
      await restore(netlink, state);
      const fake = await cloud.node(name);
      const edge: NodeEdge = { netlink, ovs: fake.ovs, frr: fake.frr, files: fake.files };
      // FRR's stanza goes with the VRF that it speaks of.
      if (!state.links.some((link) => link.name === BGP_VRF)) fake.frr.tamper('leak', undefined);
      const written = record(netlink);
      const before = await kernelState(netlink);

      const computed = await compute(edge, cloud.config);
      const devices = new Set(state.links.map((link) => link.name));
      const desired = possible(computed.desired, devices);
      const node = new Node(edge, silentLogger);
      node.setScope(computed.scope);
      expect(await node.read()).toEqual([]);
      const plan = node.plan(desired);
      const expected = adoptionChanges(scenario, name, driver).filter(
        (line) => !DEVICES.some((device) => !devices.has(device) && mentions(line, device)),
      );
      expect(changeLines(plan)).toEqual(expected);
      const outcomes = await node.apply(plan);
      expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
      expect(await node.read()).toEqual([]);
      expect(node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
      node.close();

      // As many lines are gone from the kernel as were to be removed or marked, and every other one is byte for byte there.
      const after = await kernelState(netlink);
      const lost = before.filter((line) => !after.includes(line));
      expect(lost).toHaveLength(expected.filter((line) => !line.startsWith('+ ')).length);
      expect(written).toHaveLength(expected.length);
    });
  },
);

/** What of a captured state concerns devices that this kernel can have. */
function onKernel(state: CapturedState): CapturedState {
  const links = state.links.filter(({ name, type }) => {
    if (!DEVICES.includes(name)) return false;
    return (
      type === 'openvswitch' ||
      type === 'plain' ||
      (type === 'dummy' ? kinds.has('vrf') && kinds.has(type) : kinds.has(type))
    );
  });
  const has = ({ device }: { readonly device: string | undefined }): boolean =>
    links.some(({ name }) => name === device);
  return {
    ...state,
    links,
    // Link-local addresses are the kernel's own work here, too.
    addresses: state.addresses.filter((item) => has(item) && !item.address.startsWith('fe80:')),
    routes: state.routes.filter(has),
    neighbors: state.neighbors.filter(has),
    proxies: state.proxies.filter(has),
  };
}

async function restore(netlink: RtnetlinkClient, state: CapturedState): Promise<void> {
  for (const link of state.links.toSorted((a, b) => Number(isUpper(a)) - Number(isUpper(b)))) {
    const [master, parent] = [await indexOf(netlink, link.master), await indexOf(netlink, link.parent)];
    await all(netlink, [
      {
        type: 'link',
        op: 'add',
        link: {
          name: link.name,
          data: linkData(link) ?? { kind: 'bridge' },
          up: true,
          ...(link.mac === undefined || link.type === 'vrf' ? {} : { mac: link.mac }),
          ...(master === undefined ? {} : { master }),
          ...(parent === undefined ? {} : { parent }),
        },
      },
    ]);
  }
  const links = await netlink.links();
  const indexes = new Map(links.map(({ name, index }) => [name, index]));
  await all(
    netlink,
    agentRequests(state, (name) => indexes.get(name) ?? 0),
  );
}

function isUpper({ master, parent }: CapturedState['links'][number]): boolean {
  return master !== undefined || parent !== undefined;
}

async function indexOf(netlink: RtnetlinkClient, name: string | undefined): Promise<number | undefined> {
  if (name === undefined) return undefined;
  return (await netlink.links()).find((link) => link.name === name)?.index;
}

async function all(netlink: RtnetlinkClient, requests: readonly Request[]): Promise<void> {
  const answers = await netlink.batch(requests);
  expect(answers.filter((answer) => answer !== undefined)).toEqual([]);
}

/** Every request from now on, in order. */
function record(netlink: RtnetlinkClient): Request[] {
  const written: Request[] = [];
  const batch = netlink.batch.bind(netlink);
  netlink.batch = (requests) => {
    written.push(...requests);
    return batch(requests);
  };
  return written;
}

/** Objects whose devices are there, with all that they need. */
function possible(
  desired: ReadonlyMap<ObjectKey, DesiredObject>,
  devices: ReadonlySet<string>,
): ReadonlyMap<ObjectKey, DesiredObject> {
  const result = new Map([...desired].filter(([, { object }]) => isPossible(object, devices)));
  for (const [key, { requires }] of result)
    if (requires.some((required) => !result.has(required))) result.delete(key);
  return result;
}

function isPossible(object: NodeObject, devices: ReadonlySet<string>): boolean {
  if (object.kind === 'link' || object.kind === 'ovs-port') return devices.has(object.name);
  const device = deviceOf(object);
  return device === undefined || devices.has(device);
}

function mentions(line: string, device: string): boolean {
  return line.split(' ').includes(device);
}

/** Rules, routes, neighbours, addresses and devices as the kernel tells them, a line each. */
async function kernelState(netlink: RtnetlinkClient): Promise<string[]> {
  const [addresses, rules, routes, neighbors, proxies6, links] = await Promise.all([
    netlink.addresses(),
    netlink.rules(),
    netlink.routes(),
    netlink.neighbors({ proxy: false }),
    netlink.neighbors({ family: 6, proxy: true }),
    netlink.links(),
  ]);
  // The kernel's own routes follow addresses and carriers.
  const lasting = routes.filter(({ protocol }) => protocol !== 2);
  const permanent = neighbors.filter(({ state, family }) => state === 0x80 && family !== 'bridge');
  const named = links
    .filter(({ name }) => DEVICES.includes(name))
    .map(({ name, alias, up, mac }) => ({ name, alias, up, mac }));
  const stable = addresses
    .map(({ family, index, address }) => ({ family, index, address }))
    .filter(({ address }) => !address.startsWith('fe80:'));
  return [...stable, ...rules, ...lasting, ...permanent, ...proxies6, ...named].map((item) =>
    JSON.stringify(item),
  );
}
