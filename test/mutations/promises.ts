/**
 * What the agent promises beyond being better than the Python agent, each with the tests that fail without it. Ids are words:
 * they name mutations in `promise-mutations.ts`.
 */
import type { Deviation } from '../integration/conformance/deviations.ts';

const SURVEY = 'src/node/survey.test.ts';
const TABLE_BOOK = 'src/agent/table-book.test.ts';
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
  {
    id: 'foreign',
    what: 'nothing of an operator is touched',
    proofs: [
      {
        file: 'src/agent/foreign-node.property.test.ts',
        title: 'keeps every one of them, whatever the agent does',
      },
      { file: TABLE_BOOK, title: 'is the first that nothing uses' },
      { file: TABLE_BOOK, title: 'stays while the agent runs, whatever others put into the table' },
      { file: TABLE_BOOK, title: 'stays over a restart by what is in the table where the name was lost' },
      { file: TABLE_BOOK, title: 'is not used when it is taken: %d' },
      { file: SURVEY, title: 'has nothing that is adopted, whatever an operator put there' },
      { file: SURVEY, title: 'is recognised in a table without a name' },
      { file: SURVEY, title: 'is not taken for one when the table without a name has %s' },
    ],
  },
];
