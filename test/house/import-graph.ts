/**
 * Who imports whom in `src/`, judged by the table of rooms.
 *
 * In: modules as paths and texts. Out: sentences about imports that the table does not allow, about modules of pure rooms
 * that reach outside, about product code that imports helpers of tests, and about circles. Pure; the caller reads files.
 */
import { posix } from 'node:path';
import { IMPURE_MODULES, ROOMS, type Room, TEST_IMPORTS } from './rooms.ts';

/** Path from the top of the project, with slashes, to the text of the module. */
export type Modules = ReadonlyMap<string, string>;

const STATIC_IMPORT = /(?:^|\n)[ \t]*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/g;
const BARE_IMPORT = /(?:^|\n)[ \t]*import\s*['"]([^'"]+)['"]/g;
const DYNAMIC_IMPORT = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** Names of what a pure module must not touch. `Date` alone is a type and a parser. */
const OUTSIDE =
  /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|globalThis\.)/;

/** Modules that only tests may import. */
const HELPER =
  /(?:^|\/)(?:testing\/.*|testing(?:-[^/]*)?\.ts|[^/]*-testing\.ts|fake-[^/]*\.ts|random-[^/]*\.ts|memory-[^/]*\.ts|virtual-clock\.ts)$/;

export function isHelper(path: string): boolean {
  return HELPER.test(path);
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** What each module imports: specifiers as they are written. */
export function importsOf(text: string): readonly string[] {
  return [STATIC_IMPORT, BARE_IMPORT, DYNAMIC_IMPORT].flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(([, specifier]) => specifier ?? []),
  );
}

/** Everything that is not as the table has it; empty: the house holds. */
export function faults(modules: Modules): readonly string[] {
  const found: string[] = [];
  for (const [path, text] of modules) {
    const room = ROOMS.find(({ name }) => name === roomName(path));
    if (room === undefined) {
      found.push(`${path}: no room has this directory; give it a row in test/house/rooms.ts`);
      continue;
    }
    for (const specifier of importsOf(text)) {
      const fault = importFault(path, room, specifier);
      if (fault !== undefined) found.push(`${path}: ${fault}`);
    }
    const outside = isPure(path, room) ? OUTSIDE.exec(withoutComments(text))?.[0] : undefined;
    if (outside !== undefined) found.push(`${path}: ${room.name}/ is pure and must not use ${outside}`);
  }
  for (const circle of circles(modules)) found.push(`circle of imports: ${circle.join(' -> ')}`);
  return found;
}

function importFault(path: string, room: Room, specifier: string): string | undefined {
  const forTests = isTest(path) || isHelper(path);
  if (specifier.startsWith('node:')) {
    return isPure(path, room) ? `${room.name}/ is pure and must not import ${specifier}` : undefined;
  }
  if (!specifier.startsWith('.')) {
    if (forTests || room.packages?.includes(specifier) === true) return undefined;
    return `${room.name}/ must not import the package ${specifier}`;
  }
  const target = resolved(path, specifier);
  if (!target.startsWith('src/')) {
    return forTests ? undefined : `product code must not import ${target}`;
  }
  if (!forTests && isHelper(target)) return `product code must not import ${target}, a helper of tests`;
  const other = roomName(target);
  const allowed = [room.name, ...room.imports, ...(forTests ? (TEST_IMPORTS[room.name] ?? []) : [])];
  return allowed.includes(other) ? undefined : `${room.name}/ must not import ${target}`;
}

function isPure(path: string, room: Room): boolean {
  return room.pure && !isTest(path) && !isHelper(path) && !IMPURE_MODULES.includes(path);
}

/** Rights of rooms that none of their modules uses, as `room -> other`. */
export function unusedRights(modules: Modules): readonly string[] {
  const used = new Set<string>();
  for (const [path, text] of modules) {
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('.')) used.add(`${roomName(path)} -> ${roomName(resolved(path, specifier))}`);
    }
  }
  return ROOMS.flatMap(({ name, imports }) => imports.map((other) => `${name} -> ${other}`)).filter(
    (right) => !used.has(right),
  );
}

function roomName(path: string): string {
  return path.split('/')[1] ?? '';
}

function resolved(path: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(path), specifier));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, '');
}

/** Circles among modules, each once, from the module that is found first. */
function circles(modules: Modules): readonly (readonly string[])[] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (module: string): void => {
    const begin = path.indexOf(module);
    if (begin >= 0) {
      found.push([...path.slice(begin), module]);
      return;
    }
    if (done.has(module)) return;
    path.push(module);
    for (const specifier of importsOf(modules.get(module) ?? '')) {
      const target = specifier.startsWith('.') ? resolved(module, specifier) : undefined;
      if (target !== undefined && modules.has(target)) visit(target);
    }
    path.pop();
    done.add(module);
  };
  for (const module of modules.keys()) visit(module);
  return found;
}

/** The table of docs/architecture.md. */
export function roomTable(): string {
  const rows = ROOMS.map(
    ({ name, does, imports, pure }) =>
      `| \`src/${name}/\` | ${does} | ${imports.map((other) => `\`${other}\``).join(' ')} | ${pure ? 'yes' : ''} |`,
  );
  return ['| room | what | may import | pure |', '|---|---|---|---|', ...rows].join('\n');
}
