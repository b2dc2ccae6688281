import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueryGraph } from './query-graph.ts';

/** Values in space `base`, read through a graph, with a count of how often each query was answered. */
function world(values: Readonly<Record<string, number>>) {
  const graph = new QueryGraph();
  const base = new Map(Object.entries(values));
  const answered = new Map<string, number>();
  return {
    graph,
    base,
    answered,
    read: (key: string) => {
      graph.read('base', key);
      return base.get(key) ?? 0;
    },
    query: <T>(key: string, compute: () => T) =>
      graph.query(key, () => {
        answered.set(key, (answered.get(key) ?? 0) + 1);
        return compute();
      }),
    set: (key: string, value: number) => {
      base.set(key, value);
      return [...graph.touch([['base', key]])].sort();
    },
  };
}

describe('a change', () => {
  it('names the roots that read it, by way of queries too', () => {
    const { graph, read, query, set } = world({ a: 1, b: 1 });
    graph.root('reads a', () => read('a'));
    graph.root('asks', () => query('double', () => 2 * read('a')));
    graph.root('reads b', () => read('b'));
    expect(set('a', 2)).toEqual(['asks', 'reads a']);
    expect(set('c', 2)).toEqual([]);
  });

  it('that leaves an answer as it was ends there', () => {
    const { graph, read, query, set, answered } = world({ a: 1 });
    const sign = () => query('sign', () => ({ sign: Math.sign(read('a')) }));
    graph.root('root', () => query('text', () => `${sign().sign}`));
    expect(set('a', 5)).toEqual([]);
    expect(answered).toEqual(
      new Map([
        ['sign', 2],
        ['text', 1],
      ]),
    );
    expect(set('a', -5)).toEqual(['root']);
  });

  it('has each query answered once, however many ways lead to it', () => {
    const { graph, read, query, set, answered } = world({ a: 1 });
    const left = () => query('left', () => read('a') + 1);
    const right = () => query('right', () => left() + read('a'));
    graph.root('root', () => query('top', () => left() + right() + read('a')));
    answered.clear();
    expect(set('a', 7)).toEqual(['root']);
    expect([...answered.values()]).toEqual([1, 1, 1]);
  });

  it('does not name a root for what it read before, but no longer reads', () => {
    const { graph, read, set } = world({ choice: 0, a: 1 });
    const root = () => graph.root('root', () => (read('choice') === 0 ? read('a') : 0));
    root();
    expect(set('choice', 1)).toEqual(['root']);
    root();
    expect(set('a', 2)).toEqual([]);
  });
});

describe('an exception', () => {
  it('in a query reaches whoever asks, until what the query read changes', () => {
    const { graph, read, query, set, answered } = world({ a: 0, b: 0 });
    const inverse = () =>
      query('inverse', () => {
        if (read('a') === 0) throw new RangeError('no inverse of 0');
        return 1 / read('a');
      });
    const root = () => graph.root('root', inverse);
    expect(root).toThrow('no inverse of 0');
    expect(root).toThrow('no inverse of 0');
    expect(answered.get('inverse')).toBe(1);
    expect(set('b', 1)).toEqual([]);
    expect(set('a', 2)).toEqual(['root']);
    expect(root()).toBe(0.5);
    expect(set('a', 0)).toEqual(['root']);
    expect(root).toThrow('no inverse of 0');
  });

  it('in a root leaves its reads known', () => {
    const { graph, read, set } = world({ a: 0 });
    const root = () =>
      graph.root('root', () => {
        if (read('a') === 0) throw new Error('zero');
        return 'fine';
      });
    expect(root).toThrow('zero');
    expect(set('a', 1)).toEqual(['root']);
    expect(root()).toBe('fine');
  });

  it('is what a question that leads back to itself gets, until it does not any more', () => {
    const { graph, read, query, set } = world({ a: 0 });
    const left = (): number => query('left', () => right() + 1);
    const right = (): number => query('right', () => (read('a') === 0 ? left() : 1));
    const root = () => graph.root('root', left);
    expect(root).toThrow('leads back to itself');
    expect(set('a', 1)).toEqual(['root']);
    expect(root()).toBe(2);
    expect(set('a', 0)).toEqual(['root']);
    expect(root).toThrow('leads back to itself');
  });
});

describe('forgetting', () => {
  it('leaves nothing of a root that nobody else needs', () => {
    const { graph, read, query, set } = world({ a: 1, b: 2 });
    const shared = () => query('shared', () => read('a'));
    graph.root('one', () => query('own', () => shared() + read('b')));
    graph.root('two', shared);
    graph.forget('one');
    graph.touch([]);
    expect(graph.size).toEqual({ roots: 1, queries: 1, cells: 1 });
    expect(set('b', 3)).toEqual([]);
    graph.forget('two');
    graph.touch([]);
    expect(graph.size).toEqual({ roots: 0, queries: 0, cells: 0 });
  });

  it('keeps a query that changes hands', () => {
    const { graph, read, query, set, answered } = world({ choice: 0, a: 1 });
    const value = () => query('value', () => read('a'));
    const holder = (name: string, wanted: number) =>
      query(name, () => (read('choice') === wanted ? value() : -1));
    graph.root('root', () => holder('first', 0) + holder('second', 1));
    expect(set('choice', 1)).toEqual(['root']);
    expect(answered.get('value')).toBe(1);
    expect(set('a', 2)).toEqual(['root']);
  });

  it('forgets what changed hands together with who got it', () => {
    const { graph, read, query, set } = world({ choice: 0, a: 1 });
    const value = () => query('value', () => read('a'));
    const holder = (name: string, wanted: number) =>
      query(name, () => (read('choice') === wanted ? value() : -1));
    graph.root('root', () => holder('first', 0) + holder('second', 1));
    expect(set('choice', 1)).toEqual(['root']);
    graph.forget('root');
    graph.touch([]);
    expect(graph.size).toEqual({ roots: 0, queries: 0, cells: 0 });
  });

  it('waits for the roots that a change leads to: they may come to what another question gave up', () => {
    const { graph, read, query, set, answered } = world({ choice: 0, a: 1 });
    const value = () => query('value', () => read('choice') + read('a'));
    graph.root('before', () => query('holder', () => (read('choice') === 0 ? value() : -1)));
    const late = () => graph.root('late', () => (read('choice') === 0 ? -1 : value()));
    late();
    answered.clear();
    expect(set('choice', 1)).toEqual(['before', 'late']);
    expect(late()).toBe(2);
    expect(answered.get('value')).toBe(1);
  });

  it('is complete with clear', () => {
    const { graph, read, set } = world({ a: 1 });
    graph.root('root', () => read('a'));
    graph.clear();
    expect(graph.size).toEqual({ roots: 0, queries: 0, cells: 0 });
    expect(set('a', 2)).toEqual([]);
  });
});

it('tells the roots that read something themselves', () => {
  const { graph, read, query } = world({ a: 1 });
  graph.root('reads', () => read('a'));
  graph.root('asks', () => query('q', () => read('a')));
  expect([...graph.rootsReading('base', 'a')]).toEqual(['reads']);
  expect([...graph.rootsReading('base', 'nothing')]).toEqual([]);
});

const BASES = 5;
const QUERIES = 8;
const ROOTS = 4;

/** A node of a random graph: what it does with the sources it may read. */
const nodeShape = fc.record({
  sources: fc.array(fc.nat(BASES + QUERIES - 1), { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom('sum', 'sign', 'choose', 'throw'),
});

describe('any graph', () => {
  it('tells every root that reads differently, answers no query once a path, and forgets all', () => {
    const graphs = fc.record({
      // Sources of a query lead down, so that there are no circles.
      queries: fc.array(nodeShape, { minLength: QUERIES, maxLength: QUERIES }),
      roots: fc.array(nodeShape, { minLength: ROOTS, maxLength: ROOTS }),
      changes: fc.array(
        fc.array(fc.tuple(fc.nat(BASES - 1), fc.integer({ min: -2, max: 2 })), { maxLength: 3 }),
        { maxLength: 12 },
      ),
    });
    fc.assert(
      fc.property(graphs, ({ queries, roots, changes }) => {
        const { graph, base, read, query, answered } = world({});
        type Ask = (source: number, below: number) => number;
        const evaluateNode = (shape: (typeof queries)[number], ask: (source: number) => number): number => {
          const [first = 0, ...rest] = shape.sources;
          const head = ask(first);
          if (shape.kind === 'choose' && head > 0) return head;
          const sum = rest.reduce((total, source) => total + ask(source), head);
          if (shape.kind === 'throw' && sum % 3 === 2) throw new RangeError(`sum ${sum}`);
          return shape.kind === 'sign' ? Math.sign(sum) : sum;
        };
        const bottom = (source: number, below: number): number | undefined => {
          const index = source - BASES;
          return index < 0 || below === 0 ? undefined : index % below;
        };
        const tracked: Ask = (source, below) => {
          const index = bottom(source, below);
          if (index === undefined) return read(`${source % BASES}`);
          return query(`q${index}`, () => {
            const shape = queries[index];
            return shape === undefined ? 0 : evaluateNode(shape, (next) => tracked(next, index));
          });
        };
        const plain: Ask = (source, below) => {
          const index = bottom(source, below);
          const shape = index === undefined ? undefined : queries[index];
          return shape === undefined || index === undefined
            ? (base.get(`${source % BASES}`) ?? 0)
            : evaluateNode(shape, (next) => plain(next, index));
        };
        const outcome = (compute: () => number): string => {
          try {
            return `${compute()}`;
          } catch (error) {
            return String(error);
          }
        };
        const known = new Map<string, string>();
        const answer = (name: string): void => {
          const shape = roots[Number(name.slice(1))];
          if (shape === undefined) return;
          const compute = () => evaluateNode(shape, (source) => tracked(source, QUERIES));
          known.set(
            name,
            outcome(() => graph.root(name, compute)),
          );
        };
        roots.forEach((_, index) => {
          answer(`r${index}`);
        });
        for (const change of changes) {
          for (const [key, value] of change) base.set(`${key}`, value);
          answered.clear();
          const touched = graph.touch(change.map(([key]) => ['base', `${key}`] as const));
          for (const name of touched) answer(name);
          expect(Math.max(0, ...answered.values())).toBeLessThanOrEqual(1);
          roots.forEach((shape, index) => {
            const truth = outcome(() => evaluateNode(shape, (source) => plain(source, QUERIES)));
            expect(known.get(`r${index}`)).toBe(truth);
          });
        }
        roots.forEach((_, index) => {
          graph.forget(`r${index}`);
        });
        graph.touch([]);
        expect(graph.size).toEqual({ roots: 0, queries: 0, cells: 0 });
      }),
      { numRuns: 300 },
    );
  });
});
