/**
 * `exposing_method = ovn` in the shape compatible, with the rows of the Python agent: provider prefixes on the router, a policy
 * to the peers, BFD of OVN where peers have addresses. The same scenario as the shape host-routes (hwol.test.ts), as far as
 * the rows make a difference.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ADDRESSINGS, UPLINKS } from '../../lab/hwol.ts';
import { Lab } from '../../lab/lab.ts';
import { CHASSIS_NAMES, type ChassisName } from '../../lab/layout.ts';
import { untilTrue } from '../../lab/until.ts';
import { awaitSettled } from './fixture.ts';
import { bringUpHwol, compatibleSettings, type HwolCloud, leaveBfdToOvn, startMethod } from './hwol/cloud.ts';
import {
  awaitAnnounced,
  awaitEverythingReachable,
  awaitJoined,
  CUT_MS,
  cutUplink,
  describeCloud,
  expectCleanedUp,
  expectNoKernel,
  expectNothingToDo,
  hasSecondController,
  type OperatorsPart,
  operatorsPart,
} from './hwol/scenes.ts';
import { slowness } from './machine-speed.ts';

const LAB = 'e2e-hwol-compatible';
const SUBJECT: ChassisName = 'compute1';
/** Many commands on every node, in a guest. */
const LONG_MS = 1_200_000;

describe.runIf(hasSecondController()).each(ADDRESSINGS)('BGP %s', (addressing) => {
  let cloud: HwolCloud;
  let before: OperatorsPart;
  let slow: number;

  beforeAll(async () => {
    const made = await bringUpHwol(LAB, addressing);
    before = await operatorsPart(made.lab);
    if (addressing === 'numbered') await leaveBfdToOvn(made.lab);
    const running = await startMethod(made.lab, (node) => compatibleSettings(node, addressing));
    cloud = { ...made, ...running };
    slow = await slowness();
    for (const agent of cloud.agents.values()) await awaitSettled(agent);
  }, LONG_MS);

  afterAll(async () => {
    await Lab.down(LAB);
  });

  afterEach(async (context) => {
    if (context.task.result?.state === 'fail') console.error(await describeCloud(cloud));
  });

  const nbctl = async (node: ChassisName, ...argv: readonly string[]): Promise<string> => {
    const { stdout } = await cloud.lab
      .node(node)
      .exec(['ovn-nbctl', '--db=unix:/run/ovn-bgp/ovnnb_db.sock', ...argv]);
    return stdout.trim();
  };

  const awaitFourSessions = (node: ChassisName): Promise<unknown> =>
    untilTrue(`four BFD sessions up on ${node}`, async () => {
      const states = await nbctl(node, '--format=csv', '--no-headings', '--columns=status', 'list', 'BFD');
      return states.split('\n').filter((state) => state === 'up').length === 4;
    });

  it('has the provider prefixes on the router, and a policy to the peers of each family', async () => {
    for (const node of CHASSIS_NAMES) {
      expect(await nbctl(node, 'get', 'Logical_Router_Port', 'bgp-router-openstack', 'networks')).toBe(
        '["172.24.4.0/24", "2001:db8:4::/64"]',
      );
      const policies = (await nbctl(node, 'lr-policy-list', 'bgp-router')).split('\n');
      for (const family of ['ip4', 'ip6']) {
        expect(policies.join('\n')).toMatch(
          new RegExp(`10 +inport=="bgp-router-openstack" && ${family} +reroute +\\S+, ?\\S+`),
        );
      }
    }
  });

  it.runIf(addressing === 'numbered')('runs BFD with both leafs in both families', async () => {
    for (const node of CHASSIS_NAMES) await awaitFourSessions(node);
  });

  it('announces every address from the node that it lives on', async () => {
    await awaitAnnounced(cloud);
  });

  it('reaches every kind of address, and lets them out, without the kernel', async () => {
    await awaitEverythingReachable(cloud);
    await expectNoKernel(cloud);
  });

  it('joins machines of different nodes and networks', async () => {
    await awaitJoined(cloud);
  });

  it('says that there is nothing to do', async () => {
    await expectNothingToDo(cloud);
  });

  it.each(UPLINKS)(
    'loses less than a second when the uplink to $leaf is cut, and takes it back',
    async ({ leaf }) => {
      const { cutMs } = await cutUplink(cloud, leaf, SUBJECT);
      expect(cutMs).toBeLessThan(CUT_MS * slow);
      await awaitEverythingReachable(cloud);
    },
  );

  it(
    'is removed by cleanup, as --dry-run says, and leaves the operator’s OVN untouched',
    async () => {
      await expectCleanedUp(cloud, before);
    },
    LONG_MS,
  );
});
