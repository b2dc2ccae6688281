import { beforeEach, describe, expect, test } from 'vitest';
import type { MacAddress } from '../base/address.ts';
import { FakeOpenVSwitch } from './fake-open-vswitch.ts';
import { macTweakFlows } from './flows.ts';
import type { Flow, OvsPort } from './types.ts';

const [IPV4, IPV6] = macTweakFlows(1, '02:ee:00:00:00:21' as MacAddress);
const FOREIGN: OvsPort = { name: 'p1', type: '', tag: undefined, ofport: 1, externalIds: new Map() };
const PORT = { name: 'br-ex.100', tag: 100, mac: '02:ee:00:00:00:21' };

let ovs: FakeOpenVSwitch;

beforeEach(() => {
  ovs = new FakeOpenVSwitch({ hostname: 'node1' });
  ovs.setBridge('br-ex', [FOREIGN]);
});

describe('FakeOpenVSwitch', () => {
  test('reads back what was written, in its canonical spelling', async () => {
    const spelled: Flow = {
      ...IPV4,
      match: 'in_port=1,ip',
      actions: 'set_field:02:ee:00:00:00:21->eth_dst,NORMAL',
    };
    await ovs.applyFlows('br-ex', [{ op: 'add', flow: spelled }]);
    expect(await ovs.flows('br-ex')).toEqual([IPV4]);
    expect(await ovs.flows('br-none')).toEqual([]);
  });

  test('changes nothing when a change fails', async () => {
    await ovs.applyFlows('br-ex', [{ op: 'add', flow: IPV4 }]);
    ovs.failNext();
    await expect(ovs.applyFlows('br-ex', [{ op: 'remove', flow: IPV4 }])).rejects.toThrow('injected');
    const bad = { ...IPV6, match: 'ipv6\nadd' };
    await expect(
      ovs.applyFlows('br-ex', [
        { op: 'remove', flow: IPV4 },
        { op: 'add', flow: bad },
      ]),
    ).rejects.toMatchObject({ code: 'invalid' });
    await expect(ovs.applyFlows('br-none', [{ op: 'add', flow: IPV4 }])).rejects.toMatchObject({
      code: 'no-bridge',
    });
    expect(await ovs.flows('br-ex')).toEqual([IPV4]);
    expect(ovs.bundles).toHaveLength(1);
  });

  test('neither shows nor removes flows of others', async () => {
    const other = { ...IPV4, cookie: 5 };
    ovs.tamper('br-ex', [{ op: 'add', flow: other }]);
    expect(await ovs.flows('br-ex')).toEqual([]);
    await ovs.applyFlows('br-ex', [{ op: 'remove', flow: IPV4 }]);
    expect(ovs.allFlows('br-ex')).toEqual([other]);
  });

  test('makes, corrects and removes marked ports only', async () => {
    await ovs.ensureInternalPort('br-ex', PORT);
    await ovs.ensureInternalPort('br-ex', PORT);
    expect(ovs.portChanges).toEqual([{ op: 'ensure', bridge: 'br-ex', port: PORT.name }]);
    expect(ovs.snapshot()?.bridges.get('br-ex')?.ports.get(PORT.name)).toMatchObject({ tag: 100, ofport: 2 });
    await expect(ovs.removePort('br-ex', 'p1')).rejects.toMatchObject({ code: 'foreign' });
    await ovs.removePort('br-ex', PORT.name);
    await ovs.removePort('br-ex', PORT.name);
    expect([...(ovs.snapshot()?.bridges.get('br-ex')?.ports.keys() ?? [])]).toEqual(['p1']);
  });

  test('tells of changes after the call, of flows only where they are watched', async () => {
    const events: string[] = [];
    ovs.subscribe((event) => events.push(event.kind));
    const before = ovs.snapshot();
    ovs.set({ hostname: 'node2' });
    expect(events).toEqual([]);
    await Promise.resolve();
    expect(events).toEqual(['database']);
    expect(ovs.snapshot()).not.toBe(before);
    await ovs.applyFlows('br-ex', [{ op: 'add', flow: IPV4 }]);
    expect(events).toEqual(['database']);
    ovs.watchFlows(['br-ex']);
    ovs.restart();
    await Promise.resolve();
    expect(events).toEqual(['database', 'flows']);
    expect(await ovs.flows('br-ex')).toEqual([]);
  });
});
