import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from './log-file.ts';
import { openRunLogger } from './run-logger.ts';

const MIB = 1024 * 1024;

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-file-'));
  path = join(directory, 'agent.log');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('a log file', () => {
  it('appends lines, and goes on under its name after a rotation', () => {
    const file = new LogFile(path);
    file.write('one\n');
    renameSync(path, `${path}.1`);
    file.write('two\n');
    file.reopen();
    file.write('three\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(path, 'utf8')).toBe('three\n');
  });

  it('keeps the old file where it cannot be opened again', () => {
    const file = new LogFile(path);
    renameSync(directory, `${directory}.moved`);
    expect(() => file.reopen()).toThrow(/ENOENT/);
    file.write('still\n');
    renameSync(`${directory}.moved`, directory);
    expect(readFileSync(path, 'utf8')).toBe('still\n');
  });

  it('says at the start when it cannot be opened', () => {
    expect(() => new LogFile(join(directory, 'none', 'agent.log'))).toThrow(/ENOENT/);
  });

  it('loses what a full disk does not take, and keeps nothing of it', () => {
    const { log } = openRunLogger({ logFile: '/dev/full', logLevel: 'info' });
    const before = getHeapStatistics().used_heap_size;
    // 120 MB.
    for (let number = 0; number < 6000; number++) log.info({ pad: 'x'.repeat(20_000), number }, 'line');
    expect(getHeapStatistics().used_heap_size - before).toBeLessThan(80 * MIB);
  });
});

describe('the log of the daemon', () => {
  it('is one JSON object a line', () => {
    openRunLogger({ logFile: path, logLevel: 'info' }).log.info({ address: '192.0.2.1' }, 'expose');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      level: 'info',
      address: '192.0.2.1',
      msg: 'expose',
    });
  });
});
