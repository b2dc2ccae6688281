/** Address families between the kernel's numbers and the library's 4 and 6. */
import { AF_INET, AF_INET6 } from '../kernel-numbers.ts';
import type { Family } from '../types.ts';

/** `undefined` for families that the library does not model (MPLS, multicast routing, ...). */
export function familyOf(number: number): Family | undefined {
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined;
}

export function familyNumber(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}
