/**
 * Types of the options that give routes BGP attributes: `floating-ip=64999:100+no-export, tag:gold=64999:666`.
 *
 * In: text. Out: a selector (a kind of address or a tag) with communities or a MED. Communities end up in FRR's
 * configuration: what is not a number pair, a number triple or a known name is refused. Pure.
 */
import { EXPOSURE_KINDS, TAG } from './exposure-kinds.ts';
import { nearestName } from './nearest.ts';
import { type Parsed, rejected, type ValueType } from './value-types.ts';

/** A kind of address, or `tag:<tag>`. */
export type RouteSelector = string;

export interface CommunitiesOf {
  readonly selector: RouteSelector;
  /** `AS:number` or a well-known name, as FRR prints them: by number, each once. */
  readonly communities: readonly string[];
  /** `AS:number:number` (RFC 8092). */
  readonly largeCommunities: readonly string[];
}

export interface MedOf {
  readonly selector: RouteSelector;
  readonly med: number;
}

/** Names that FRR knows and prints in place of the numbers (RFC 1997, 7999, 8326). */
const WELL_KNOWN: ReadonlyMap<string, number> = new Map([
  ['graceful-shutdown', 65535 * 65536],
  ['blackhole', 65535 * 65536 + 666],
  ['no-export', 65535 * 65536 + 65281],
  ['no-advertise', 65535 * 65536 + 65282],
  ['local-AS', 65535 * 65536 + 65283],
  ['no-peer', 65535 * 65536 + 65284],
]);
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
/** Number pairs in this block mean something to every router; the names say so. */
const WELL_KNOWN_BLOCK = 65535;

export const communitiesType: ValueType<CommunitiesOf> = {
  label: 'communities of a kind or tag',
  accepts:
    '<kind>=<community> or tag:<tag>=<community>, several communities joined by "+", a community being AS:number, AS:number:number or ' +
    [...WELL_KNOWN.keys()].join(', '),
  parse: (text) => {
    const item = parseItem(text);
    if (!item.ok) return item;
    const { selector, value } = item.value;
    const standard = new Map<number, string>();
    const large = new Map<string, readonly number[]>();
    for (const word of value.split('+').map((part) => part.trim())) {
      const number = standardNumber(word);
      const triple = largeNumbers(word);
      if (number !== undefined) standard.set(number, word);
      else if (triple !== undefined) large.set(word, triple);
      else return rejected(text, `has ${JSON.stringify(word)}, which is no community`);
    }
    return {
      ok: true,
      value: {
        selector,
        communities: [...standard].sort(([a], [b]) => a - b).map(([, word]) => word),
        largeCommunities: [...large].sort(([, a], [, b]) => compareNumbers(a, b)).map(([word]) => word),
      },
    };
  },
  format: ({ selector, communities, largeCommunities }) =>
    `${selector}=${[...communities, ...largeCommunities].join('+')}`,
};

export const medType: ValueType<MedOf> = {
  label: 'MED of a kind or tag',
  accepts: `<kind>=<number> or tag:<tag>=<number> from 0 to ${MAX_32}`,
  parse: (text) => {
    const item = parseItem(text);
    if (!item.ok) return item;
    const { selector, value } = item.value;
    const med = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
    return med <= MAX_32 ? { ok: true, value: { selector, med } } : rejected(text, 'has no valid MED');
  },
  format: ({ selector, med }) => `${selector}=${med}`,
};

function parseItem(text: string): Parsed<{ readonly selector: RouteSelector; readonly value: string }> {
  const equals = text.indexOf('=');
  if (equals < 0) return rejected(text, 'has no "="');
  const selector = text.slice(0, equals).trim();
  const value = text.slice(equals + 1).trim();
  if (value === '') return rejected(text, 'gives no value');
  if (selector.startsWith('tag:')) {
    return TAG.test(selector.slice(4))
      ? { ok: true, value: { selector, value } }
      : rejected(text, 'names a tag that is not 1 to 32 letters, digits, "_", "." or "-"');
  }
  if (!EXPOSURE_KINDS.some((kind) => kind === selector)) {
    const close = nearestName(selector, EXPOSURE_KINDS);
    const hint =
      close === undefined ? `one of ${EXPOSURE_KINDS.join(', ')}, or tag:<tag>` : `meant: ${close}?`;
    return rejected(text, `names no kind of address (${hint})`);
  }
  return { ok: true, value: { selector, value } };
}

function standardNumber(word: string): number | undefined {
  const known = WELL_KNOWN.get(word);
  if (known !== undefined) return known;
  const found = /^([0-9]{1,5}):([0-9]{1,5})$/.exec(word);
  if (found === null) return undefined;
  const [high, low] = [Number(found[1]), Number(found[2])];
  if (high > MAX_16 || low > MAX_16 || high === WELL_KNOWN_BLOCK || `${high}:${low}` !== word)
    return undefined;
  return high * 65536 + low;
}

function largeNumbers(word: string): readonly number[] | undefined {
  if (!/^(?:(?:0|[1-9][0-9]{0,9})(?::|$)){3}$/.test(word) || word.endsWith(':')) return undefined;
  const numbers = word.split(':').map(Number);
  return numbers.length === 3 && numbers.every((number) => number <= MAX_32) ? numbers : undefined;
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (const [index, number] of a.entries()) {
    const difference = number - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
