/**
 * Flow text of Open vSwitch, canonical: what is written reads back equal.
 *
 * In: lines of `ovs-ofctl --no-stats --no-names dump-flows` (ovs-ofctl(8)), or flows of the agent's own. Out: `Flow`
 * values whose texts compare with `===`, and lines for `ovs-ofctl --bundle`. Pure. A line that is not a flow (reply
 * headers, blank lines) parses to `undefined`; text that could not be one flow of a bundle is refused with an `OvsError`.
 *
 * The same flow is shown differently depending on the OpenFlow version in use: OpenFlow 1.0 prints `mod_dl_dst:MAC`,
 * 1.2 and later `set_field:MAC->eth_dst`. Both become `mod_dl_dst:MAC`, the spelling of the default version.
 */
import type { MacAddress } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { OvsError } from './errors.ts';
import { AGENT_COOKIE, FLOW_PRIORITIES, type Flow, type FlowChange, type FlowPriority } from './types.ts';

/** Priority of the flows that hand traffic of a patch port to the kernel; the Python agent's. */
export const MAC_TWEAK_PRIORITY: FlowPriority = 900;
/** OpenFlow's default, which dump-flows leaves out. */
const DEFAULT_PRIORITY = 32768;

/**
 * What hands IP traffic from OVN to the kernel: packets from the localnet's patch port get the MAC address of the
 * device behind the bridge, so that the kernel takes them as its own.
 */
export function macTweakFlows(ofport: number, mac: MacAddress): readonly [Flow, Flow] {
  if (!Number.isInteger(ofport) || ofport < 1 || ofport > 0xffff) {
    throw new OvsError('invalid', undefined, `not an OpenFlow port number: ${ofport}`);
  }
  const flow = (protocol: 'ip' | 'ipv6'): Flow => ({
    cookie: AGENT_COOKIE,
    priority: MAC_TWEAK_PRIORITY,
    match: `${protocol},in_port=${ofport}`,
    actions: `mod_dl_dst:${mac},NORMAL`,
  });
  return [flow('ip'), flow('ipv6')];
}

/** One line of dump-flows; `undefined` for lines that are no flow and for flows of tables other than 0. */
export function parseFlowLine(line: string): Flow | undefined {
  const found = /^\s*((?:\S.*?)?)(?:^|\s|,)actions=(.*)$/.exec(line);
  if (found === null) return undefined;
  const [, head = '', actions = ''] = found;
  let cookie = 0;
  let priority = DEFAULT_PRIORITY;
  const match: string[] = [];
  for (const field of splitOutside(head)) {
    const [name, value] = keyValue(field);
    if (name === 'cookie') cookie = Number(value);
    else if (name === 'priority') priority = Number(value);
    else if (name === 'table') {
      if (value !== '0') return undefined;
    } else if (!FLOW_PROPERTIES.has(name)) match.push(field);
  }
  if (!Number.isSafeInteger(cookie) || !Number.isInteger(priority)) return undefined;
  return canonicalFlow({ cookie, priority, match: match.join(','), actions });
}

/** Every flow in the output of dump-flows. */
export function parseFlowDump(text: string): readonly Flow[] {
  return text
    .split('\n')
    .map(parseFlowLine)
    .filter((flow) => flow !== undefined);
}

/** The same flow in its one spelling. */
export function canonicalFlow(flow: Flow): Flow {
  return { ...flow, match: canonicalMatch(flow.match), actions: canonicalActions(flow.actions) };
}

export function sameFlow(a: Flow, b: Flow): boolean {
  return flowKey(a) === flowKey(b) && canonicalActions(a.actions) === canonicalActions(b.actions);
}

/** What makes a flow the same flow to the switch: adding another one with this key replaces it. */
export function flowKey(flow: Flow): string {
  return `${flow.priority} ${canonicalMatch(flow.match)}`;
}

/** True for a flow of the agent, and for one that a flow of the agent might take the place of. */
export function isInPlace({ cookie, priority }: Flow): boolean {
  return cookie === AGENT_COOKIE || FLOW_PRIORITIES.some((each) => each === priority);
}

/**
 * A file for `ovs-ofctl --bundle add-flows`. Removals are strict and name the cookie: a flow that somebody else put in
 * the same place stays.
 */
export function formatBundle(changes: readonly FlowChange[]): string {
  return changes.map((change) => `${formatChange(change)}\n`).join('');
}

function formatChange({ op, flow }: FlowChange): string {
  checkText('match', flow.match, /^[\x21-\x7e]*$/);
  checkText('actions', flow.actions, op === 'add' ? /^[\x21-\x7e]+$/ : /^[\x21-\x7e]*$/);
  const { cookie, priority, match, actions } = canonicalFlow(flow);
  for (const field of splitOutside(match)) {
    const [name] = keyValue(field);
    if (NOT_IN_A_MATCH.has(name) || FLOW_PROPERTIES.has(name)) checkText('match', match, /^$/);
  }
  if (!Number.isSafeInteger(cookie) || cookie < 0) {
    throw new OvsError('invalid', undefined, `not a cookie: ${cookie}`);
  }
  if (!Number.isInteger(priority) || priority < 0 || priority > 0xffff) {
    throw new OvsError('invalid', undefined, `not a flow priority: ${priority}`);
  }
  const fields = match === '' ? '' : `,${match}`;
  const id = `0x${cookie.toString(16)}`;
  return op === 'remove'
    ? `delete_strict table=0,cookie=${id}/-1,priority=${priority}${fields}`
    : `add table=0,cookie=${id},priority=${priority}${fields},actions=${actions}`;
}

function checkText(what: string, text: string, grammar: RegExp): void {
  if (!grammar.test(text)) {
    throw new OvsError('invalid', undefined, `not a flow ${what} that can be sent: ${JSON.stringify(text)}`);
  }
}

/** What ovs-ofctl would take for something else than a field to match. */
const NOT_IN_A_MATCH: ReadonlySet<string> = new Set([
  'action',
  'actions',
  'cookie',
  'out_group',
  'out_port',
  'priority',
  'table',
]);

/** Things dump-flows prints beside the match: counters and properties that do not identify a flow. */
const FLOW_PROPERTIES: ReadonlySet<string> = new Set([
  'duration',
  'n_packets',
  'n_bytes',
  'idle_age',
  'hard_age',
  'idle_timeout',
  'hard_timeout',
  'importance',
  'send_flow_rem',
  'check_overlap',
  'reset_counts',
  'no_packet_counts',
  'no_byte_counts',
]);

/**
 * Protocol names first, then the fields that decide which others are allowed (ovs-ofctl reads from left to right and
 * wants prerequisites before what needs them), then the rest by name.
 */
function canonicalMatch(match: string): string {
  return splitOutside(match)
    .map((field) => {
      const [name, value] = keyValue(field);
      if (value === undefined) return { rank: 0, text: name };
      if (name === 'dl_type' || name === 'eth_type') return { rank: 1, text: `${name}=${value}` };
      if (name === 'nw_proto' || name === 'ip_proto') return { rank: 2, text: `${name}=${value}` };
      if (name === 'in_port') return { rank: 3, text: `in_port=${value === '65534' ? 'LOCAL' : value}` };
      return { rank: 4, text: `${name}=${value}` };
    })
    .sort((a, b) => a.rank - b.rank || compareText(a.text, b.text))
    .map(({ text }) => text)
    .join(',');
}

function canonicalActions(actions: string): string {
  return splitOutside(actions)
    .map((action) => {
      const set = /^set_field:([0-9a-f:]{17})->(?:eth_(dst|src)|dl_(dst|src))$/i.exec(action);
      if (set !== null) return `mod_dl_${set[2] ?? set[3]}:${(set[1] ?? '').toLowerCase()}`;
      const old = /^(mod_dl_(?:dst|src)):(.*)$/i.exec(action);
      if (old !== null) return `${(old[1] ?? '').toLowerCase()}:${(old[2] ?? '').toLowerCase()}`;
      if (/^(?:normal|drop|flood|all|local|in_port)$/i.test(action)) {
        return action.toLowerCase() === 'drop' ? 'drop' : action.toUpperCase();
      }
      return action;
    })
    .join(',');
}

/** Splits at commas and white space that are not inside parentheses. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of text) {
    if (character === '(') depth++;
    if (character === ')') depth = Math.max(0, depth - 1);
    if (depth === 0 && /[\s,]/.test(character)) {
      if (current !== '') parts.push(current);
      current = '';
    } else {
      current += character;
    }
  }
  if (current !== '') parts.push(current);
  return parts;
}

function keyValue(field: string): [name: string, value: string | undefined] {
  const equals = field.indexOf('=');
  return equals < 0
    ? [field.toLowerCase(), undefined]
    : [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
}
