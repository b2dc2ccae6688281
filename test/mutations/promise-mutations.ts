/** Mutations of what `promises.ts` promises. */
import type { Mutation } from './mutation.ts';

const NORTHBOUND_SOURCE = 'src/agent/northbound-source.ts';

export const PROMISE_MUTATIONS: readonly Mutation[] = [
  {
    id: 'sources',
    what: 'a start waits for the Southbound database',
    file: NORTHBOUND_SOURCE,
    from: 'if (!this.#northbound.populated || (this.#needed && !answered && this.#patience !== undefined)) return;',
    to: 'if (!this.#northbound.populated || (this.#needed && !answered)) return;',
  },
  {
    id: 'sources',
    what: 'what nobody places is nowhere',
    file: NORTHBOUND_SOURCE,
    from: 'return (this.#southbound?.tables.Port_Binding.size ?? 0) === 0;',
    to: 'return false;',
  },
  {
    id: 'sources',
    what: 'what stands is not looked for on the node',
    file: 'src/agent/assumed-places.ts',
    from: 'if (standing.length === 0) continue;',
    to: 'if (standing.length >= 0) continue;',
  },
  {
    id: 'sources',
    what: 'what nobody places is announced',
    file: 'src/agent/assumed-places.ts',
    from: 'if (assumed.length === 0) return verdict;',
    to: 'if (assumed.length >= 0) return verdict;',
  },
  {
    id: 'sources',
    what: 'a remote is not looked at before it is used',
    file: 'src/agent/ovn-source.ts',
    from: 'parseRemotes(told);',
    to: '',
  },
  {
    id: 'sources',
    what: 'an assumption is as good as knowledge',
    file: 'src/exposures/conflicts.ts',
    from: 'return sure.length > 0 ? sure : [...claims];',
    to: 'return [...claims];',
  },
];
