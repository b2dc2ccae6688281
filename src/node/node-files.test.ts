import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemNodeFiles } from './node-files.ts';
import { parseRtTables } from './rt-tables.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'node-files-'));
  path = join(folder, 'etc', 'rt_tables');
});

afterEach(() => rmSync(folder, { recursive: true }));

function files(templates: readonly string[] = []): SystemNodeFiles {
  return new SystemNodeFiles({ rtTablesPath: path, procSysPath: folder, rtTablesTemplates: templates });
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

describe('rt_tables', () => {
  it('keeps every line of others byte for byte, and the mode of the file', async () => {
    const others = '#\n# reserved values\n#\n255\tlocal\n0x10  hex # comment\n\n  77 seven\nnonsense\n';
    write(path, others);
    chmodSync(path, 0o640);
    await files().editRtTables({ add: [{ number: 200, name: 'br-ex' }], remove: [] });
    expect(readFileSync(path, 'utf8')).toBe(`${others}200 br-ex\n`);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await files().editRtTables({ add: [{ number: 201, name: 'br-ex' }], remove: ['br-ex'] });
    expect(readFileSync(path, 'utf8')).toBe(`${others}201 br-ex\n`);
    await files().editRtTables({ add: [], remove: ['br-ex'] });
    expect(readFileSync(path, 'utf8')).toBe(others);
    expect(readdirSync(dirname(path))).toEqual(['rt_tables']);
  });

  it('ends a last line that has no end', async () => {
    write(path, '255 local');
    await files().editRtTables({ add: [{ number: 200, name: 'br-ex' }], remove: [] });
    expect(readFileSync(path, 'utf8')).toBe('255 local\n200 br-ex\n');
  });

  it("is made from the distribution's own when it is missing", async () => {
    const template = join(folder, 'usr', 'rt_tables');
    write(template, '254 main\n');
    expect(await files([template]).readRtTables()).toEqual([]);
    await files([join(folder, 'nowhere'), template]).editRtTables({
      add: [{ number: 200, name: 'br-ex' }],
      remove: [],
    });
    expect(readFileSync(path, 'utf8')).toBe('254 main\n200 br-ex\n');
  });

  it('is not made for nothing', async () => {
    await files().editRtTables({ add: [], remove: ['br-ex'] });
    expect(existsSync(path)).toBe(false);
  });

  it('stays a symbolic link', async () => {
    const real = join(folder, 'real');
    write(real, '');
    mkdirSync(dirname(path));
    symlinkSync(real, path);
    await files().editRtTables({ add: [{ number: 200, name: 'br-ex' }], remove: [] });
    expect(readFileSync(real, 'utf8')).toBe('200 br-ex\n');
  });

  it('says which file it was', async () => {
    mkdirSync(path, { recursive: true });
    await expect(files().readRtTables()).rejects.toThrow(`cannot read ${path}: EISDIR`);
  });

  it.each([
    ['200 br-ex', [{ number: 200, name: 'br-ex' }]],
    ['\t200\tbr-ex\t# a comment', [{ number: 200, name: 'br-ex' }]],
    ['0xc8 br-ex', [{ number: 200, name: 'br-ex' }]],
    ['#200 br-ex', []],
    ['200', []],
    ['200 br ex', []],
    ['-1 br-ex', []],
  ])('%j', (line, expected) => {
    expect(parseRtTables(line)).toEqual(expected);
  });
});

describe('sysctls', () => {
  const setting = 'net/ipv4/conf/br-ex.100/proxy_arp';

  it('are read without white space, and written', async () => {
    write(join(folder, setting), '0\n');
    expect(await files().readSysctl(setting)).toBe('0');
    await files().writeSysctl(setting, '1');
    expect(await files().readSysctl(setting)).toBe('1');
  });

  it('of a device that does not exist are not there, and are not made', async () => {
    expect(await files().readSysctl(setting)).toBeUndefined();
    await expect(files().writeSysctl(setting, '1')).rejects.toThrow(/ENOENT.*its device may be gone/);
    expect(existsSync(join(folder, setting))).toBe(false);
  });

  it.each(['../etc/passwd', '/etc/passwd', 'net//conf', 'net/./x'])(
    'never leave their folder: %s',
    async (path) => {
      await expect(files().writeSysctl(path, '1')).rejects.toThrow('EINVAL');
    },
  );
});
