/**
 * The whole desired state of a node: base wiring and all exposures, through the configured exposing method.
 *
 * In: exposures, configuration and facts, localnet ports. Out: desired objects, each key once, sorted by key. Pure and
 * without memory: an incremental caller that keeps base and exposures apart gets the same union.
 */
import type { ExposingMethod } from '../config/types.ts';
import type { Exposure } from '../exposures/types.ts';
import type { Localnet } from '../ovn/topology.ts';
import { ObjectSet } from './object-set.ts';
import { ovn } from './ovn.ts';
import type { ExposingMethodWiring, Wiring, WiringInput } from './types.ts';
import { underlay } from './underlay.ts';

const METHODS: Readonly<Partial<Record<ExposingMethod, ExposingMethodWiring>>> = { underlay, ovn };

/** The wiring of an exposing method; `undefined` when this agent has none for it. */
export function exposingMethodWiring(method: ExposingMethod): ExposingMethodWiring | undefined {
  return METHODS[method];
}

/** The same for callers that refuse other methods beforehand; throws for those. */
export function methodOf(method: ExposingMethod): ExposingMethodWiring {
  const wiring = exposingMethodWiring(method);
  if (wiring === undefined) throw new TypeError(`there is no wiring for exposing_method = ${method}`);
  return wiring;
}

export function wire(
  exposures: Iterable<Exposure>,
  input: WiringInput,
  localnets: Iterable<Localnet>,
): Wiring {
  const set = new ObjectSet();
  const method = exposingMethodWiring(input.config.exposingMethod);
  if (method === undefined) {
    set.pend('exposing_method', `${input.config.exposingMethod} is not available; set it to underlay or ovn`);
    return set.toWiring();
  }
  set.addAll(method.base(input, localnets));
  for (const exposure of exposures) set.addAll(method.expose(exposure, input));
  return set.toWiring();
}
