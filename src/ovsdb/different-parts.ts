/**
 * Where two lists differ: all but a few members are the same, in the same places. A set of OVSDB with one more member is
 * that. Pure; the cost is one comparison a member.
 */
export function differentParts<T>(
  before: readonly T[],
  after: readonly T[],
): readonly [old: readonly T[], current: readonly T[]] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  return [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
}
