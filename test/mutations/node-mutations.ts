/** Mutations of what comes of it on the node: comparison, order, writing, and the loop that follows what changes. */
import type { Mutation } from './mutation.ts';

const DIFF = 'src/node/diff.ts';
const NODE = 'src/node/node.ts';
const RECONCILER = 'src/agent/reconciler.ts';
const STANZA_PLAN = 'src/frr/stanza-plan.ts';

const LEFTOVER = '    const { object } = found;\n';
const leftoverStays = (kind: string): string => `${LEFTOVER}    if (object.kind === '${kind}') return;\n`;

export const NODE_MUTATIONS: readonly Mutation[] = [
  {
    id: 'D-03',
    what: 'rows that somebody deleted are not noticed',
    file: NODE,
    from: 'this.#judge.collectLocalRows();',
    to: '',
  },
  { id: 'D-08', what: 'stale routes stay', file: DIFF, from: LEFTOVER, to: leftoverStays('route') },
  { id: 'D-08', what: 'stale neighbours stay', file: DIFF, from: LEFTOVER, to: leftoverStays('neighbor') },
  {
    id: 'D-08',
    what: 'stale proxy entries stay',
    file: DIFF,
    from: LEFTOVER,
    to: leftoverStays('proxy-ndp'),
  },
  {
    id: 'D-08',
    what: "prefixes in the VRF's table stay",
    file: 'src/node/kinds/route.ts',
    from: 'return scope.adopted?.vrf === true && device === scope.bgpNic;',
    to: 'return false;',
  },
  {
    id: 'D-09',
    what: 'old rules are not recognised',
    file: 'src/node/kinds/rule.ts',
    from: '  if (!owned) return undefined;',
    to: '  if (!owned || raw.to !== to) return undefined;',
  },
  { id: 'D-10', what: 'what nobody needs stays', file: DIFF, from: LEFTOVER, to: leftoverStays('proxy-ndp') },
  { id: 'D-17', what: 'stale local rows stay', file: DIFF, from: LEFTOVER, to: leftoverStays('local-row') },
  {
    id: 'D-17',
    what: 'rows are not taken out of what lists them',
    file: 'src/localnb/operations.ts',
    from: '} else if (stored.parent !== undefined && !this.#removed.has(stored.parent)) {',
    to: '} else if (stored.parent === undefined && !this.#removed.has(stored.uuid)) {',
  },
  {
    id: 'D-18',
    what: 'what happens to the local vswitchd is not followed',
    file: 'src/agent/agent.ts',
    from: "if (event.kind === 'database') this.#vswitchChanged();",
    to: '',
  },
  {
    id: 'D-18',
    what: 'facts of the node stay as they were first',
    file: 'src/agent/facts-reader.ts',
    from: 'if (this.#last !== undefined && factsText(this.#last) === factsText(facts)) {',
    to: 'if (this.#last !== undefined) {',
  },
  {
    id: 'D-18',
    what: 'the kernel is not heard',
    file: NODE,
    from: 'this.#judge.collect(events);',
    to: '',
  },
  {
    id: 'D-18',
    what: 'a device that is another one is no other fact',
    file: RECONCILER,
    from: "if (kinds.has('link') || kinds.has('frr')) this.#factsDirty = true;",
    to: '',
  },
  {
    id: 'D-18',
    what: 'nothing is looked at by itself',
    file: 'src/agent/agent.ts',
    from: 'this.#every(config.reconcileIntervalSec * 1000, () => this.#reconciler.audit());',
    to: '',
  },
  {
    id: 'D-18',
    what: 'what is not announced is not looked at',
    file: 'src/agent/agent.ts',
    from: 'this.#every(config.frrReconcileIntervalSec * 1000, () => this.#reconciler.recheck(UNANNOUNCED));',
    to: '',
  },
  {
    id: 'D-18',
    what: 'lost flows are not noticed',
    file: NODE,
    from: 'this.#flowsToCheck.add(event.bridge);',
    to: '',
  },
  {
    id: 'D-18',
    what: 'a restart of FRR is not noticed',
    file: NODE,
    from: "this.#drifted(new Set(['frr']));",
    to: '',
  },
  {
    id: 'D-19',
    what: 'devices of others are deleted',
    file: DIFF,
    from: '    if (!found.owned || unread',
    to: "    if ((!found.owned && found.object.kind !== 'link') || unread",
  },
  {
    id: 'D-20',
    what: 'a missing file is not made',
    file: 'src/node/node-files.ts',
    from: 'const before = present ?? (await this.#template());',
    to: "const before = present ?? '';",
  },
  {
    id: 'D-21',
    what: 'what happens during a pass is lost',
    file: RECONCILER,
    from: '        this.#passStarted = undefined;\n',
    to: '        this.#passStarted = undefined;\n        this.#pendingWork = false;\n',
  },
  {
    id: 'D-22',
    what: 'withdrawals are not the first to go',
    file: 'src/node/stages.ts',
    from: '  WITHDRAW,\n  CLEAR,\n',
    to: '  CLEAR,\n',
  },
  {
    id: 'D-22',
    what: 'a stop withdraws everything',
    file: 'src/agent/agent.ts',
    from: 'await this.#reconciler.run(signal);',
    to: 'await this.#reconciler.run(signal);\n    await this.#node.apply(this.#node.plan(new Map()));',
  },
  {
    id: 'D-23',
    what: 'what stands is entered again',
    file: STANZA_PLAN,
    from: '  if (sameStanza(from, to)) return [];',
    to: '  if (sameStanza(from, to)) return to === undefined ? [] : session(to.lines);',
  },
  {
    id: 'D-24',
    what: 'everything is compared each time',
    file: NODE,
    from: '      ...(keys === undefined ? {} : { keys }),\n',
    to: '',
  },
  {
    id: 'D-24',
    what: 'everything is read again for each changed row',
    file: RECONCILER,
    from: "this.#parts.planner.markDirty(affected, cause === 'snapshot' ? cause : undefined);",
    to: "this.#parts.planner.markDirty(affected, cause === 'snapshot' ? cause : undefined);\n    this.#stale.markAll();",
  },
  {
    id: 'D-25',
    what: 'an instance of another AS stays',
    file: STANZA_PLAN,
    from: "const replaced = to.id === 'leak' &&",
    to: "const replaced = to.id !== 'leak' &&",
  },
  {
    id: 'D-25',
    what: 'surplus lines stay',
    file: STANZA_PLAN,
    from: "const surplus = unwanted.filter(({ context }) => !entries.has(context[0] ?? ''));",
    to: 'const surplus = [];',
  },
  {
    id: 'D-26',
    what: 'what failed is not tried again',
    file: RECONCILER,
    from: '    this.#addCompare(this.#outstanding.due());\n',
    to: '',
  },
  {
    id: 'D-29',
    what: 'there is no grace',
    file: 'src/agent/migration-grace.ts',
    from: 'if (!wasMigrating || this.#graceMs === 0) return;',
    to: 'if (!wasMigrating || this.#graceMs >= 0) return;',
  },
];
