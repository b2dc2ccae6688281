import { describe, expect, it } from 'vitest';
import type { Marks } from '../ovn/topology.ts';
import { evaluatePort } from './provider-port.ts';
import { denialLines, exposureLines, testPolicy } from './testing.ts';
import { MAPPINGS, port, row } from './testing-records.ts';

const SWITCH = row('Logical_Switch', 'PUB');
const PLAIN = '172.24.4.10 provider-port br-ex fa:16:3e:00:00:10';

function decided(marks: { expose?: string; tag?: string }, exposeUnmarked = true): readonly string[] {
  const found: Marks = {
    ...(marks.expose === undefined ? {} : { expose: { text: marks.expose, row: SWITCH } }),
    ...(marks.tag === undefined ? {} : { tag: { text: marks.tag, row: SWITCH } }),
  };
  const vm = port('vm', { addressTexts: ['fa:16:3e:00:00:10 172.24.4.10'], marks: found });
  const verdict = evaluatePort(vm, testPolicy({ bridgeMappings: MAPPINGS, exposeUnmarked }));
  return [...exposureLines(verdict), ...denialLines(verdict)];
}

describe('ovn-bgp-agent:expose', () => {
  it.each<[string | undefined, boolean, string]>([
    [undefined, true, PLAIN],
    [undefined, false, 'not-selected'],
    ['true', true, PLAIN],
    ['true', false, PLAIN],
    ['false', true, 'not-selected'],
    ['false', false, 'not-selected'],
    ['False', true, '!bad-mark'],
    ['', true, '!bad-mark'],
    [' true', false, '!bad-mark'],
    ['\u001b[2J', true, '!bad-mark'],
  ])('%j, unmarked exposed: %j', (expose, exposeUnmarked, line) => {
    expect(decided(expose === undefined ? {} : { expose }, exposeUnmarked)).toEqual([line]);
  });

  it('names the row that says so, and what to write', () => {
    const vm = port('vm', { marks: { expose: { text: 'no', row: SWITCH } } });
    const [denial] = evaluatePort(vm, testPolicy({ bridgeMappings: MAPPINGS })).denials;
    expect(denial?.message).toBe(
      'external_ids:ovn-bgp-agent:expose of Logical_Switch "PUB" is "no"; set it to true or false',
    );
  });
});

describe('ovn-bgp-agent:tag', () => {
  it.each(['gold', 'A-1_b.c', 'x'.repeat(32)])('%j goes with the exposure', (tag) => {
    expect(decided({ tag })).toEqual([`${PLAIN} tag ${tag}`]);
  });

  it.each(['', ' gold', 'a b', 'x'.repeat(33), 'gold\n', 'permit 10\nmatch', 'gôld', '!'])(
    '%j costs the tag, not the exposure',
    (tag) => {
      expect(decided({ tag })).toEqual([PLAIN, '!bad-mark']);
    },
  );
});
