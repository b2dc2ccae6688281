/** One line an object, in the words of `ip` where there are some. Pure. */
import { kindNamed } from './kinds/registry.ts';
import type { NodeObject } from './objects.ts';

export function describe(object: NodeObject): string {
  return kindNamed(object.kind).describe(object);
}
