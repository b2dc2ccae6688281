import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIni } from './ini.ts';

function read(text: string | Uint8Array) {
  const { entries, problems } = parseIni('f.conf', typeof text === 'string' ? Buffer.from(text) : text);
  return { entries: entries.map(({ section, key, value }) => [section, key, value]), problems };
}

describe('the INI dialect, as oslo.config 9.0 reads it', () => {
  it.each<[string, string, [section: string, key: string, value: string][]]>([
    ['equals sign', '[a]\nk = v', [['a', 'k', 'v']]],
    ['colon', '[a]\nk: v', [['a', 'k', 'v']]],
    ['equals sign before colon', '[a]\nk=tcp:1:2', [['a', 'k', 'tcp:1:2']]],
    ['colon before equals sign', '[a]\nk:x=y', [['a', 'k', 'x=y']]],
    ['empty value', '[a]\nk =', [['a', 'k', '']]],
    ['comment lines', '[a]\n# x\n; y\nk=v', [['a', 'k', 'v']]],
    ['no comment behind a value', '[a]\nk = v # w ; x', [['a', 'k', 'v # w ; x']]],
    ['continuation', '[a]\nk = v,\n  w\n\tx', [['a', 'k', 'v,\nw\nx']]],
    ['continuation of an empty value', '[a]\nk =\n  v', [['a', 'k', '\nv']]],
    ['an indented comment is a continuation', '[a]\nk = v\n # x', [['a', 'k', 'v\n# x']]],
    ['an indented section is a continuation', '[a]\nk = v\n [b]', [['a', 'k', 'v\n[b]']]],
    ['an indented assignment is a continuation', '[a]\nk = v\n l = w', [['a', 'k', 'v\nl = w']]],
    [
      'blank lines of white space end a value',
      '[a]\nk = v\n \t\nl = w',
      [
        ['a', 'k', 'v'],
        ['a', 'l', 'w'],
      ],
    ],
    ['double quotes', '[a]\nk = " v "', [['a', 'k', ' v ']]],
    ['single quotes', "[a]\nk = 'v'", [['a', 'k', 'v']]],
    ['quotes inside a value', '[a]\nk = "v" w', [['a', 'k', '"v" w']]],
    ['quotes that differ', '[a]\nk = "v\'', [['a', 'k', '"v\'']]],
    ['a lone quote', "[a]\nk = '", [['a', 'k', '']]],
    [
      'repeated key, both kept in order',
      '[a]\nk=1\nk=2',
      [
        ['a', 'k', '1'],
        ['a', 'k', '2'],
      ],
    ],
    [
      'repeated section',
      '[a]\nk=1\n[b]\nk=2\n[a]\nl=3',
      [
        ['a', 'k', '1'],
        ['b', 'k', '2'],
        ['a', 'l', '3'],
      ],
    ],
    ['section name kept as written', '[ A ]\nk=1', [[' A ', 'k', '1']]],
    ['white space behind a section', '[a] \t\nk=1', [['a', 'k', '1']]],
    ['Windows line ends', '[a]\r\nk = v\r\n', [['a', 'k', 'v']]],
    ['old Mac line ends', '[a]\rk = v\r', [['a', 'k', 'v']]],
    ['byte order mark', '\ufeff[a]\nk=v', [['a', 'k', 'v']]],
    ['UTF-8', '[a]\nk = ü€😀', [['a', 'k', 'ü€😀']]],
    ['nothing', '', []],
  ])('%s', (_, text, entries) => {
    expect(read(text)).toEqual({ entries, problems: [] });
  });

  it.each<[string, string | Uint8Array, string[]]>([
    ['no separator', '[a]\nfoo', ['f.conf:2: neither "=" nor ":" in "foo"']],
    ['no key', '[a]\n= v', ['f.conf:2: no option name before the separator in "= v"']],
    ['no section', 'k=v', ['f.conf:1: "k" stands before the first [section]']],
    [
      'unclosed section',
      '[a\nk=v',
      [
        'f.conf:1: a section must be written as [name] with nothing behind it: "[a"',
        'f.conf:2: "k" stands before the first [section]',
      ],
    ],
    [
      'section with a comment behind it',
      '[a] # x',
      ['f.conf:1: a section must be written as [name] with nothing behind it: "[a] # x"'],
    ],
    ['section without a name', '[]', ['f.conf:1: a section needs a name: []']],
    [
      'continuation of nothing, reported once',
      '[a]\n k\n l',
      ['f.conf:2: begins with white space, but there is no value above that it could continue'],
    ],
    [
      'continuation after a comment',
      '[a]\nk = v\n# c\n  w',
      ['f.conf:4: begins with white space, but there is no value above that it could continue'],
    ],
    [
      'all of several mistakes, without what follows from the first',
      '[a]\nfoo\n  more\nbar',
      ['f.conf:2: neither "=" nor ":" in "foo"', 'f.conf:4: neither "=" nor ":" in "bar"'],
    ],
    ['Latin-1', Buffer.from('[a]\nk=1\nl = \xfc\n', 'latin1'), ['f.conf:3: not UTF-8 text']],
    ['Latin-1 on the last line', Buffer.from('[a]\nl = \xfc', 'latin1'), ['f.conf:2: not UTF-8 text']],
  ])('reports: %s', (_, text, problems) => {
    expect(read(text).problems).toEqual(problems);
  });

  it('names the line where a value begins', () => {
    const { entries, sections } = parseIni('f', Buffer.from('\n[a]\n\nk = v\n  w\nl = x\n'));
    expect(entries.map(({ line }) => line)).toEqual([4, 6]);
    expect(sections).toEqual([{ name: 'a', line: 2 }]);
  });

  it('returns what does parse beside the problems', () => {
    expect(read('[a]\nbad\nk=v').entries).toEqual([['a', 'k', 'v']]);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { entries, problems } = parseIni('f', bytes);
        expect(entries.every(({ line }) => line >= 1)).toBe(true);
        expect(problems.every((problem) => /^f:\d+: ./.test(problem))).toBe(true);
      }),
    );
  });
});
