/**
 * Policy rules: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (struct fib_rule_hdr, FRA_*).
 *
 * In: message payloads, rule requests. Out: `Rule`, message payloads; `undefined` for other families. Everything that
 * `Rule` does not model sets `other`, also attributes that did not exist when this was written.
 */
import { parsePrefixOf } from '../ip-text.ts';
import { AF_UNSPEC, FIB_RULE_INVERT, FR_ACT_TO_TBL, RT_TABLE_COMPAT } from '../kernel-numbers.ts';
import type { Family, Request, Rule } from '../types.ts';
import { familyNumber, familyOf } from './family.ts';
import { attribute, attributes, ip, made, raw, struct, u8, u32 } from './schema.ts';
import type { MessageWriter } from './writer.ts';

type RuleRequest = Extract<Request, { readonly type: 'rule' }>['rule'];

const ruleHeader = struct('fib_rule_hdr', {
  family: 'u8',
  toLength: 'u8',
  fromLength: 'u8',
  tos: 'u8',
  table: 'u8',
  reserved1: 'u8',
  reserved2: 'u8',
  action: 'u8',
  flags: 'u32',
});

const ruleAttributes = attributes({
  to: attribute(1, ip),
  from: attribute(2, ip),
  priority: attribute(6, u32),
  suppressPrefixLength: attribute(14, u32),
  table: attribute(15, u32),
  /** FRA_PAD: alignment only. */
  pad: attribute(18, raw),
  protocol: attribute(21, u8),
});

const requestAttributes = attributes({
  to: attribute(1, made),
  from: attribute(2, made),
  priority: attribute(6, u32),
  table: attribute(15, u32),
  protocol: attribute(21, u8),
});

/** FRA_SUPPRESS_PREFIXLEN is always reported; -1 means none. */
const NOT_SUPPRESSED = 0xffffffff;

export function decodeRule(bytes: Buffer, start: number, end: number): Rule | undefined {
  const header = ruleHeader.read(bytes, start, end);
  const family = familyOf(header.family);
  if (family === undefined) return undefined;
  const unknown: number[] = [];
  const values = ruleAttributes.read(bytes, start + ruleHeader.size, end, unknown);
  return {
    family,
    priority: values.priority ?? 0,
    table: values.table ?? header.table,
    action: header.action,
    ...(values.to === undefined ? undefined : { to: `${values.to}/${header.toLength}` }),
    ...(values.from === undefined ? undefined : { from: `${values.from}/${header.fromLength}` }),
    ...(values.protocol === undefined || values.protocol === 0 ? undefined : { protocol: values.protocol }),
    other:
      unknown.length > 0 ||
      header.action !== FR_ACT_TO_TBL ||
      header.tos !== 0 ||
      (header.flags & FIB_RULE_INVERT) !== 0 ||
      (values.suppressPrefixLength ?? NOT_SUPPRESSED) !== NOT_SUPPRESSED,
  };
}

export function encodeRule(writer: MessageWriter, rule: RuleRequest): void {
  const to = rule.to === undefined ? undefined : parsePrefixOf(rule.family, rule.to);
  const from = rule.from === undefined ? undefined : parsePrefixOf(rule.family, rule.from);
  ruleHeader.write(writer, {
    family: familyNumber(rule.family),
    toLength: to?.length,
    fromLength: from?.length,
    table: rule.table > 255 ? RT_TABLE_COMPAT : rule.table,
    action: FR_ACT_TO_TBL,
  });
  requestAttributes.write(writer, {
    to: to?.address,
    from: from?.address,
    priority: rule.priority,
    table: rule.table,
    protocol: rule.protocol,
  });
}

export function encodeRuleDump(writer: MessageWriter, family?: Family): void {
  ruleHeader.write(writer, { family: family === undefined ? AF_UNSPEC : familyNumber(family) });
}
