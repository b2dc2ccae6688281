/**
 * What the agent promises beyond being better than the Python agent, each with the tests that fail without it. Ids are words:
 * they name mutations in `promise-mutations.ts`.
 */
import type { Deviation } from '../integration/conformance/deviations.ts';

const SOURCES = 'test/integration/agent/sources.test.ts';

export const PROMISES: readonly Pick<Deviation, 'id' | 'what' | 'proofs'>[] = [
  {
    id: 'sources',
    what: 'every source stands alone',
    proofs: [
      {
        file: SOURCES,
        title: '%s, a start announces what the Northbound database knows, and new ports wait',
      },
      {
        file: SOURCES,
        title: '%s, what stands is kept, and withdrawn is what the Northbound database knows',
      },
      { file: SOURCES, title: 'that has no row yet, what stands is kept until its rows come' },
      { file: SOURCES, title: 'when it %s, that is told once and waited for' },
      {
        file: 'src/exposures/conflicts.test.ts',
        title: 'a claim that knows where it is wins over one that assumes it, of whatever kind',
      },
    ],
  },
];
