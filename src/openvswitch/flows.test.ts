import { assert, constantFrom, infiniteStream, nat, property, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MacAddress } from '../base/address.ts';
import { OvsError } from './errors.ts';
import {
  canonicalFlow,
  flowKey,
  formatBundle,
  macTweakFlows,
  parseFlowDump,
  parseFlowLine,
  sameFlow,
} from './flows.ts';
import type { Flow } from './types.ts';

const MAC = '02:ee:00:00:00:21' as MacAddress;
const [IPV4, IPV6] = macTweakFlows(1, MAC);

describe('parseFlowLine', () => {
  test.each([
    ['OpenFlow 1.0', ' cookie=0x3e7, priority=900,ip,in_port=1 actions=mod_dl_dst:02:ee:00:00:00:21,NORMAL'],
    [
      'OpenFlow 1.3',
      ' cookie=0x3e7, priority=900,ip,in_port=1 actions=set_field:02:ee:00:00:00:21->eth_dst,NORMAL',
    ],
    ['another order', 'priority=900,in_port=1,ip, cookie=0x3e7 actions=mod_dl_dst:02:EE:00:00:00:21,normal'],
    [
      'counters and ages',
      ' cookie=0x3e7, duration=1.5s, table=0, n_packets=3, n_bytes=4, idle_age=1, priority=900,ip,in_port=1 actions=set_field:02:ee:00:00:00:21->eth_dst,NORMAL',
    ],
    [
      'flow properties',
      'cookie=0x3e7, idle_timeout=30, send_flow_rem priority=900,ip,in_port=1 actions=mod_dl_dst:02:ee:00:00:00:21,NORMAL',
    ],
  ])('%s', (_, line) => {
    expect(parseFlowLine(line)).toEqual(IPV4);
  });

  test('a flow that matches everything with the default priority', () => {
    const expected = { cookie: 999, priority: 32768, match: '', actions: 'NORMAL' };
    expect(parseFlowLine(' cookie=0x3e7, actions=NORMAL')).toEqual(expected);
    expect(parseFlowLine(' cookie=0x3e7, priority=32768 actions=NORMAL')).toEqual(expected);
    expect(parseFlowLine('actions=drop')).toEqual({ cookie: 0, priority: 32768, match: '', actions: 'drop' });
  });

  test('commas inside parentheses do not split', () => {
    const line =
      ' cookie=0x3e7, priority=5,packet_type=(1,0x894f) actions=learn(table=1,priority=9,NXM_OF_VLAN_TCI[]),resubmit(,2)';
    expect(parseFlowLine(line)).toEqual({
      cookie: 999,
      priority: 5,
      match: 'packet_type=(1,0x894f)',
      actions: 'learn(table=1,priority=9,NXM_OF_VLAN_TCI[]),resubmit(,2)',
    });
  });

  test.each([
    ['a header', 'OFPST_FLOW reply (OF1.5) (xid=0x4):'],
    ['nothing', ''],
    ['another table', ' cookie=0x3e7, table=5, priority=900,ip actions=NORMAL'],
    ['a cookie that no number holds', ' cookie=0xffffffffffffffff, priority=1 actions=NORMAL'],
  ])('%s is not a flow of ours', (_, line) => {
    expect(parseFlowLine(line)).toBeUndefined();
  });

  test('a whole dump', () => {
    const dump = [
      'NXST_FLOW reply (xid=0x4):',
      ' cookie=0x3e7, priority=900,ip,in_port=1 actions=mod_dl_dst:02:ee:00:00:00:21,NORMAL',
      ' cookie=0x3e7, priority=900,ipv6,in_port=1 actions=mod_dl_dst:02:ee:00:00:00:21,NORMAL',
      '',
    ].join('\n');
    expect(parseFlowDump(dump)).toEqual([IPV4, IPV6]);
  });
});

describe('canonical spelling', () => {
  test('the two flows that hand traffic to the kernel are canonical as they are made', () => {
    expect(canonicalFlow(IPV4)).toEqual(IPV4);
    expect(canonicalFlow(IPV6)).toEqual(IPV6);
    expect(IPV4).toEqual({
      cookie: 999,
      priority: 900,
      match: 'ip,in_port=1',
      actions: 'mod_dl_dst:02:ee:00:00:00:21,NORMAL',
    });
  });

  test('equality looks at meaning, not at spelling', () => {
    const other: Flow = {
      ...IPV4,
      match: 'in_port=1,ip',
      actions: 'set_field:02:EE:00:00:00:21->dl_dst,normal',
    };
    expect(sameFlow(IPV4, other)).toBe(true);
    expect(flowKey(IPV4)).toBe(flowKey(other));
    expect(sameFlow(IPV4, { ...IPV4, priority: 901 })).toBe(false);
    expect(sameFlow(IPV4, { ...IPV4, actions: 'NORMAL' })).toBe(false);
    expect(sameFlow(IPV4, IPV6)).toBe(false);
  });

  test('the number and the name of the local port are one', () => {
    const local: Flow = { cookie: 999, priority: 1, match: 'in_port=LOCAL', actions: 'drop' };
    expect(sameFlow(local, { ...local, match: 'in_port=65534' })).toBe(true);
  });

  test('actions keep their order, because it matters', () => {
    const flow = (actions: string): Flow => ({ cookie: 999, priority: 1, match: '', actions });
    expect(
      sameFlow(flow('mod_dl_dst:02:ee:00:00:00:21,NORMAL'), flow('NORMAL,mod_dl_dst:02:ee:00:00:00:21')),
    ).toBe(false);
  });

  test('is stable, and does not depend on the order of fields', () => {
    const field = constantFrom(
      'ip',
      'in_port=7',
      'nw_src=10.0.0.0/8',
      'dl_vlan=5',
      'nw_dst=10.1.1.1',
      'tp_dst=80',
    );
    assert(
      property(uniqueArray(field), infiniteStream(nat()), (fields, order) => {
        const shuffled = fields
          .map((text) => ({ text, rank: order.next().value ?? 0 }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ text }) => text);
        const canonical = canonicalFlow({ ...IPV4, match: fields.join(',') });
        expect(canonicalFlow({ ...IPV4, match: shuffled.join(', ') })).toEqual(canonical);
        expect(canonicalFlow(canonical)).toEqual(canonical);
      }),
    );
  });
});

describe('formatBundle', () => {
  test('adds and strict removals, in order', () => {
    expect(
      formatBundle([
        { op: 'remove', flow: IPV4 },
        { op: 'add', flow: IPV6 },
      ]),
    ).toBe(
      'delete_strict table=0,cookie=0x3e7/-1,priority=900,ip,in_port=1\n' +
        'add table=0,cookie=0x3e7,priority=900,ipv6,in_port=1,actions=mod_dl_dst:02:ee:00:00:00:21,NORMAL\n',
    );
  });

  test('a flow that matches everything', () => {
    const flow: Flow = { cookie: 999, priority: 0, match: '', actions: 'NORMAL' };
    expect(formatBundle([{ op: 'remove', flow }])).toBe('delete_strict table=0,cookie=0x3e7/-1,priority=0\n');
  });

  test.each<[string, Partial<Flow>]>([
    ['a second line in the match', { match: 'ip\nadd priority=1,actions=drop' }],
    ['a second line in the actions', { actions: 'NORMAL\ndelete' }],
    ['actions in the match', { match: 'ip,actions=drop' }],
    ['a priority in the match', { match: 'ip,priority=1' }],
    ['another cookie in the match', { match: 'cookie=5,ip' }],
    ['a space in the match', { match: 'ip in_port=1' }],
    ['no actions', { actions: '' }],
    ['a priority out of range', { priority: 70000 }],
    ['a cookie that is no integer', { cookie: 1.5 }],
  ])('refuses %s', (_, part) => {
    expect(() => formatBundle([{ op: 'add', flow: { ...IPV4, ...part } }])).toThrow(OvsError);
  });

  test.each([0, -1, 65536, 1.5, Number.NaN])('port number %s has no flows', (ofport) => {
    expect(() => macTweakFlows(ofport, MAC)).toThrow(OvsError);
  });
});
