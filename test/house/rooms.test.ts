/** The rooms hold: the import graph of `src/` is what the table allows, and the table is the one in docs/architecture.md. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faults, type Modules, roomTable, unusedRights } from './import-graph.ts';
import { ROOMS } from './rooms.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'docs/architecture.md');
const TABLE = /(<!-- rooms: .* -->\n)[\s\S]*?(\n<!-- end of rooms -->)/;

const modules = readModules();

describe('the rooms', () => {
  it('import what the table allows, and nothing else', () => {
    expect(modules.size).toBeGreaterThan(100);
    expect(faults(modules)).toEqual([]);
  });

  it('stand above all rooms that they may import', () => {
    const climbing = ROOMS.flatMap(({ name, imports }, index) =>
      imports
        .filter((other) => ROOMS.findIndex((room) => room.name === other) <= index)
        .map((other) => `${name} -> ${other}`),
    );
    expect(climbing).toEqual([]);
  });

  it('are in docs/architecture.md as they are in the table', () => {
    const page = readFileSync(PAGE, 'utf8');
    const current = page.replace(TABLE, (_, begin: string, end: string) => `${begin}${roomTable()}${end}`);
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, current);
    expect(TABLE.test(page)).toBe(true);
    expect(current, 'UPDATE_DOCS=1 npx vitest run --project unit test/house writes it').toBe(page);
  });

  it('have no right that nobody uses', () => {
    expect(unusedRights(modules)).toEqual([]);
  });
});

/** One more line in a module of the house, and what must be said of it. */
const PROBES: readonly (readonly [file: string, line: string, fault: RegExp])[] = [
  [
    'src/ovsdb/errors.ts',
    "import { bfdKey } from '../localnb/rows.ts';",
    /ovsdb\/ must not import src\/localnb/,
  ],
  ['src/frr/errors.ts', "import { bfdKey } from '../localnb/rows.ts';", /frr\/ must not import src\/localnb/],
  ['src/exposures/gua.ts', "import { seconds } from '../../lab/until.ts';", /must not import lab\/until\.ts/],
  [
    'src/ovn/marks.ts',
    "import { readFileSync } from 'node:fs';",
    /ovn\/ is pure and must not import node:fs/,
  ],
  ['src/wiring/names.ts', 'export const now = Date.now();', /wiring\/ is pure and must not use Date\.now/],
  ['src/base/order.ts', "export type { Node } from '../node/node.ts';", /base\/ must not import src\/node/],
  ['src/agent/agent.ts', "import { testConfig } from './testing.ts';", /a helper of tests/],
  ['src/exposures/gua.ts', "const lazily = import('node:fs');", /must not import node:fs/],
  ['src/node/diff.ts', "import fastCheck from 'fast-check';", /must not import the package fast-check/],
  [
    'src/base/order.ts',
    "import './order.ts';",
    /circle of imports: src\/base\/order\.ts -> src\/base\/order\.ts/,
  ],
  ['src/unheard/of.ts', '', /no room has this directory/],
];

it.each(PROBES)('%s with %j is refused', (file, line, fault) => {
  const text = modules.get(file) ?? '';
  const found = faults(new Map([...modules, [file, `${line}\n${text}`]]));
  expect(found.join('\n')).toMatch(fault);
});

function readModules(): Modules {
  const paths = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}
