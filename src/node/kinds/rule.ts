/**
 * Policy rules `to <prefix> lookup <table>` at the agent's priority.
 *
 * The predecessor wrote subnets with host bits (`to 192.168.1.1/26`), which the kernel keeps as another rule than the
 * network: they are recognised as the same thing and rewritten when wanted.
 */
import { familyOf, parsePrefix } from '../../base/address.ts';
import type { Request, Rule } from '../../netlink/types.ts';
import { keyOf } from '../keys.ts';
import {
  AGENT_PROTOCOL,
  type NodeScope,
  type ObservedObject,
  RULE_PRIORITY,
  type RuleObject,
} from '../objects.ts';
import { isUnsaidProtocol } from '../ownership.ts';
import type { Kind, View } from './kind.ts';
import { writeNetlink } from './netlink-writes.ts';

/** FR_ACT_TO_TBL of linux/fib_rules.h. */
const LOOKUP = 1;

export function observeRule(scope: NodeScope, raw: Rule): ObservedObject | undefined {
  if (raw.other || raw.action !== LOOKUP || raw.to === undefined || raw.from !== undefined) return undefined;
  const marked = raw.protocol === AGENT_PROTOCOL;
  if (!marked && (raw.priority !== RULE_PRIORITY || !scope.tables.has(raw.table))) return undefined;
  const to = parsePrefix(raw.to);
  if (to === undefined) return undefined;
  const object: RuleObject = { kind: 'rule', to, table: raw.table };
  const adopted = isUnsaidProtocol(raw.protocol) && scope.adopted?.tables.has(raw.table) === true;
  const owned = marked || adopted;
  if (raw.to === to && raw.priority === RULE_PRIORITY) {
    return marked || !owned ? { object, owned } : { object, owned, deletion: [deleteAsIs(raw)] };
  }
  if (!owned) return undefined;
  return { object, owned, rewrite: true, deletion: [deleteAsIs(raw)] };
}

/** The kernel may hold a rule in several spellings at once: one object that remembers the surplus ones. */
export function mergeRules(found: Iterable<ObservedObject>): ObservedObject[] {
  const merged = new Map<string, ObservedObject>();
  for (const next of found) {
    const key = keyOf(next.object);
    const held = merged.get(key);
    merged.set(key, held === undefined ? next : mergeTwo(held, next));
  }
  return [...merged.values()];
}

export const ruleKind: Kind<RuleObject> = {
  kind: 'rule',
  concern: 'kernel',
  same: () => true,
  describe: ({ to, table }) => `rule to ${to} lookup ${table}`,
  read: async (view: View) => {
    const rules = await view.edge.netlink.rules();
    return mergeRules(rules.flatMap((raw) => observeRule(view.scope, raw) ?? []));
  },
  write: (view, writes, signal) =>
    writeNetlink(
      view,
      writes,
      {
        requests: ({ op, object, observed }) => {
          const surplus = observed?.deletion ?? [];
          if (op === 'remove') return surplus.length > 0 ? surplus : [ruleRequest('delete', object)];
          return [ruleRequest('add', object), ...surplus.filter((request) => !isCanonical(request, object))];
        },
        // The kernel compares everything but the protocol: what exists does the same.
        existsIsDone: () => true,
      },
      signal,
    ),
};

function mergeTwo(a: ObservedObject, b: ObservedObject): ObservedObject {
  const surplus = [a, b]
    .filter(({ owned }) => owned)
    .flatMap((each) => each.deletion ?? [ruleRequest('delete', each.object as RuleObject)]);
  return { object: a.object, owned: a.owned || b.owned, rewrite: true, deletion: surplus };
}

function ruleRequest(op: 'add' | 'delete', { to, table }: RuleObject): Request {
  // The protocol in a deletion spares the rule of somebody else that says the same.
  const rule = { family: familyOf(to), priority: RULE_PRIORITY, table, to, protocol: AGENT_PROTOCOL };
  return { type: 'rule', op, rule };
}

function deleteAsIs({ family, priority, table, to, protocol }: Rule): Request {
  return {
    type: 'rule',
    op: 'delete',
    rule: {
      family,
      priority,
      table,
      ...(to === undefined ? {} : { to }),
      ...(protocol === undefined ? {} : { protocol }),
    },
  };
}

function isCanonical(request: Request, object: RuleObject): boolean {
  return request.type === 'rule' && request.rule.to === object.to && request.rule.priority === RULE_PRIORITY;
}
