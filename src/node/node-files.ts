/**
 * The real /proc/sys and rt_tables.
 *
 * rt_tables is replaced by renaming a complete new file over it, so that no reader (iproute2, the Python agent) sees
 * half of it. Where it is missing, the distribution's own copy is the start: since iproute2 6.5 a file in /etc hides
 * the one in /usr. Failures are `NodeFileError`s.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NodeFiles, RtTableEntry } from './edge.ts';
import { editRtTablesText, parseRtTables } from './rt-tables.ts';

export interface SystemNodeFilesOptions {
  readonly rtTablesPath: string;
  /** Who listens to the kernel's news in this network namespace. */
  readonly netlinkListenersPath?: string;
  /** Where the kernel's settings are mounted. */
  readonly procSysPath?: string;
  /** Read in this order when `rtTablesPath` does not exist; the names in them count all the same. */
  readonly rtTablesTemplates?: readonly string[];
}

export class NodeFileError extends Error {
  override readonly name = 'NodeFileError';
  /** `ENOENT`, `EROFS`, `EINVAL`, ... */
  readonly code: string;
  readonly path: string;

  constructor(doing: string, path: string, cause: unknown) {
    const code = errorCode(cause) ?? 'EUNKNOWN';
    super(`cannot ${doing} ${path}: ${code}${hint(code)}`, { cause });
    this.code = code;
    this.path = path;
  }
}

export class SystemNodeFiles implements NodeFiles {
  readonly #rtTablesPath: string;
  readonly #procSysPath: string;
  readonly #templates: readonly string[];
  readonly #listenersPath: string;

  constructor(options: SystemNodeFilesOptions) {
    this.#rtTablesPath = options.rtTablesPath;
    this.#procSysPath = options.procSysPath ?? '/proc/sys';
    this.#listenersPath = options.netlinkListenersPath ?? '/proc/net/netlink';
    this.#templates = options.rtTablesTemplates ?? [
      '/usr/share/iproute2/rt_tables',
      '/usr/lib/iproute2/rt_tables',
    ];
  }

  async readSysctl(path: string): Promise<string | undefined> {
    // procfs answers from memory and never waits; off the event loop each read is five hand-overs to a thread, which is
    // most of what an idle agent costs.
    const text = await readIfThere(this.#sysctlFile(path), readFileSync);
    return text?.trim();
  }

  async writeSysctl(path: string, value: string): Promise<void> {
    const file = this.#sysctlFile(path);
    try {
      // No O_CREAT: proc answers it with EACCES for a missing file, which would hide that the device is gone.
      await writeFile(file, `${value}\n`, { flag: 'r+' });
    } catch (error) {
      throw new NodeFileError('write', file, error);
    }
  }

  readNetlinkListeners(): string | undefined {
    try {
      return readFileSync(this.#listenersPath, 'utf8');
    } catch {
      return undefined;
    }
  }

  async readRtTables(): Promise<readonly RtTableEntry[]> {
    return parseRtTables((await readIfThere(this.#rtTablesPath)) ?? '');
  }

  async readTableNames(): Promise<readonly RtTableEntry[]> {
    const files = [this.#rtTablesPath, ...this.#templates];
    for (const folder of new Set(files.map((path) => `${path}.d`))) files.push(...(await confFiles(folder)));
    const texts = await Promise.all([...new Set(files)].map((path) => readIfThere(path)));
    return texts.flatMap((text) => parseRtTables(text ?? ''));
  }

  async editRtTables(edit: {
    readonly add: readonly RtTableEntry[];
    readonly remove: readonly string[];
  }): Promise<void> {
    const present = await readIfThere(this.#rtTablesPath);
    const before = present ?? (await this.#template());
    const after = editRtTablesText(before, edit);
    if (after === before) return;
    try {
      await replaceFile(this.#rtTablesPath, after);
    } catch (error) {
      throw new NodeFileError('write', this.#rtTablesPath, error);
    }
  }

  async #template(): Promise<string> {
    for (const path of this.#templates) {
      const text = await readIfThere(path);
      if (text !== undefined) return text;
    }
    return '';
  }

  #sysctlFile(path: string): string {
    if (
      path.startsWith('/') ||
      path.split('/').some((part) => part === '' || part === '..' || part === '.')
    ) {
      throw new NodeFileError('use', path, { code: 'EINVAL' });
    }
    return join(this.#procSysPath, path);
  }
}

async function readIfThere(
  path: string,
  read: (path: string, encoding: 'utf8') => string | Promise<string> = readFile,
): Promise<string | undefined> {
  try {
    return await read(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new NodeFileError('read', path, error);
  }
}

/** What iproute2 reads of a folder beside rt_tables, in its order. */
async function confFiles(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith('.conf') && !name.startsWith('.'))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return [];
    throw new NodeFileError('read', folder, error);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // A symbolic link stays one: what it points to is replaced.
  const target = await realpath(path).catch(() => path);
  const mode = await stat(target).then(
    (found) => found.mode & 0o777,
    () => 0o644,
  );
  const temporary = `${target}.${randomUUID()}`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary);
    // A file that is a mount point of its own (containers) cannot be renamed over.
    if (errorCode(error) !== 'EBUSY') throw error;
    await writeFile(target, text);
  }
}

function errorCode(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

function hint(code: string): string {
  if (code === 'EROFS') return ' (mounted read-only; a container needs it writable)';
  if (code === 'EACCES' || code === 'EPERM') return ' (the agent needs the right to write it)';
  if (code === 'ENOENT') return ' (no such file; its device may be gone)';
  return '';
}
