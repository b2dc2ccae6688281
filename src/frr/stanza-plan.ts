/**
 * Which lines to enter so that a running configuration holds a stanza, or holds it no longer.
 *
 * In: what the configuration means to the agent (stanza-reader.ts) and the wanted stanza. Out: the commands of one
 * configuration session, from `configure terminal` to `end`; none when it matches already. Pure. A configuration in which
 * the stanza cannot stand without hurting an operator's line is an `FrrError`: `no-instance`, `as-mismatch`, `conflict`.
 *
 * Lines that are missing are entered, surplus ones taken out; everything else is left alone. A daemon's vty does not climb
 * to the parent context by itself as vtysh does, so every context is left explicitly.
 */
import { FrrError } from './errors.ts';
import type { AgentView } from './stanza-reader.ts';
import { isRouteMapEntry, lineKey, ROUTE_MAP, sameStanza, VRF_ROUTE_MAP } from './stanzas.ts';
import type { ConfigLine, Stanza, StanzaScope } from './types.ts';

/** One command of a configuration session, with where it is entered for error texts. */
export interface ConfigCommand {
  readonly context: readonly string[];
  readonly command: string;
}

export function planStanza(
  view: AgentView,
  scope: StanzaScope,
  id: Stanza['id'],
  to: Stanza | undefined,
): readonly ConfigCommand[] {
  const from = view.stanzas.find((stanza) => stanza.id === id);
  if (sameStanza(from, to)) return [];
  const lines = to === undefined ? removal(view, scope, from) : correction(view, scope, from, to);
  return lines.length === 0 ? [] : session(lines);
}

/** Enters the redistribution lines of these stanzas once more, as they are. */
export function redistributionAgain(stanzas: readonly Stanza[]): readonly ConfigCommand[] {
  const lines = stanzas.flatMap((stanza) => stanza.lines).filter(isRedistribution);
  return lines.length === 0 ? [] : session(lines);
}

function removal(view: AgentView, scope: StanzaScope, from: Stanza | undefined): readonly ConfigLine[] {
  if (from === undefined) return [];
  if (from.id === 'kernel-routes') {
    const redistribution = from.lines.filter(isRedistribution);
    return [...redistribution.map(negated), ...routeMapRemoval(from, ROUTE_MAP)];
  }
  const imports = from.lines.filter(isImport);
  const inVrf = from.lines.filter((line) => !isImport(line) && !isInRouteMap(line));
  // With lines of others in it the instance stays, and only what is ours goes.
  return [
    ...imports.map(negated),
    ...(view.vrfForeign.length > 0 ? inVrf.map(negated) : instanceRemoval(view, scope)),
    ...routeMapRemoval(from, VRF_ROUTE_MAP),
  ];
}

function routeMapRemoval(from: Stanza, routeMap: string): readonly ConfigLine[] {
  return from.lines.some(isInRouteMap) ? [{ context: [], line: `no route-map ${routeMap}` }] : [];
}

function correction(
  view: AgentView,
  scope: StanzaScope,
  from: Stanza | undefined,
  to: Stanza,
): readonly ConfigLine[] {
  checkPossible(view, scope, to);
  // An instance cannot change its AS, and the lines that it holds go with it.
  const replaced = to.id === 'leak' && view.vrfAs !== undefined && view.vrfAs !== scope.as;
  const held = (from?.lines ?? []).filter((line) => !replaced || isImport(line) || isInRouteMap(line));
  const has = (lines: readonly ConfigLine[], line: ConfigLine): boolean =>
    lines.some((other) => lineKey(other) === lineKey(line));
  const missing = to.lines.filter((line) => !has(held, line));
  const overwritten = new Set<string | undefined>(missing.map(slot));
  overwritten.delete(undefined);
  const isOverwritten = (line: ConfigLine): boolean => overwritten.has(slot(line));
  const unwanted = held.filter((line) => !has(to.lines, line) && !isOverwritten(line));
  // Entries go as a whole.
  const entries = new Set(unwanted.filter(isRouteMapEntry).map(({ line }) => line));
  const surplus = unwanted.filter(({ context }) => !entries.has(context[0] ?? ''));
  // A route-map entry without its match would let every kernel route through: matches are added before others go.
  const late = isInRouteMap;
  return [
    ...(replaced ? instanceRemoval(view, scope) : []),
    ...surplus.filter((line) => !late(line)).map(negated),
    ...missing,
    ...surplus.filter(late).map(negated),
  ];
}

function checkPossible(view: AgentView, scope: StanzaScope, to: Stanza): void {
  if (view.defaultAs === undefined) {
    throw new FrrError(
      'no-instance',
      `bgpd has no default BGP instance; the agent adds to "router bgp ${scope.as}", which the operator configures`,
      { ...scope },
    );
  }
  if (view.defaultAs !== scope.as) {
    throw new FrrError(
      'as-mismatch',
      `FRR's default BGP instance has AS ${view.defaultAs}, the agent's configuration says ${scope.as}: set bgp_AS to the AS of "router bgp"`,
      { ...scope, found: view.defaultAs },
    );
  }
  if (to.id === 'kernel-routes' && view.kernelForeign.length > 0) {
    throw conflict('would be overwritten by the redistribution of the agent', view.kernelForeign);
  }
  if (to.id === 'leak' && view.vrfAs !== undefined && view.vrfAs !== scope.as && view.vrfForeign.length > 0) {
    throw conflict(`keep "router bgp ${view.vrfAs} vrf ${scope.vrf}" from being replaced`, view.vrfForeign);
  }
}

function conflict(what: string, lines: readonly ConfigLine[]): FrrError {
  const found = lines.map(lineKey);
  return new FrrError(
    'conflict',
    `lines that the agent did not write ${what}: ${found.join('; ')}. Remove them, or move them elsewhere`,
    { lines: found },
  );
}

function instanceRemoval(view: AgentView, scope: StanzaScope): readonly ConfigLine[] {
  return view.vrfAs === undefined
    ? []
    : [{ context: [], line: `no router bgp ${view.vrfAs} vrf ${scope.vrf}` }];
}

/** Lines with the same slot replace each other when entered. `redistribute` does not: its old options would stay. */
function slot({ context, line }: ConfigLine): string | undefined {
  if (line.startsWith('bgp router-id ')) return `${context.join(' / ')} / bgp router-id`;
  if (context[0]?.startsWith('route-map ') !== true) return undefined;
  return /^(?:match|set) \S+/.exec(line)?.[0];
}

function negated({ context, line }: ConfigLine): ConfigLine {
  // The options of a redistribution need not be named to take it out, nor would every version take them.
  const bare = /^redistribute \S+(?: \d+)?/.exec(line)?.[0] ?? line;
  return { context, line: `no ${bare}` };
}

function isImport({ line }: ConfigLine): boolean {
  return line.startsWith('import vrf ');
}

/** An entry of a route-map, or a line in one. */
function isInRouteMap(line: ConfigLine): boolean {
  return isRouteMapEntry(line) || line.context[0]?.startsWith('route-map ') === true;
}

function isRedistribution({ line }: ConfigLine): boolean {
  return line.startsWith('redistribute ');
}

/** Enters and leaves contexts as needed, and ends outside of configuration mode. */
function session(lines: readonly ConfigLine[]): readonly ConfigCommand[] {
  const commands: ConfigCommand[] = [{ context: [], command: 'configure terminal' }];
  let current: readonly string[] = [];
  for (const { context, line } of lines) {
    let shared = 0;
    while (shared < context.length && context[shared] === current[shared]) shared++;
    for (let depth = current.length; depth > shared; depth--) {
      commands.push({ context: current.slice(0, depth), command: 'exit' });
    }
    for (let depth = shared; depth < context.length; depth++) {
      commands.push({ context: context.slice(0, depth), command: context[depth] ?? '' });
    }
    commands.push({ context, command: line });
    // Its line opens an entry.
    current = isRouteMapEntry({ context, line }) ? [line] : context;
  }
  return [...commands, { context: current, command: 'end' }];
}
