/**
 * Finds and reads configuration files. Paths come back absolute, so that messages name them unmistakably; what cannot
 * be read is a problem that names the path and the cause.
 */
import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { compareText } from '../base/order.ts';

export interface DefaultPlaces {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** The service's file of the usual packages; oslo.config itself would not look there. */
const PACKAGED_FILE = '/etc/ovn-bgp-agent/bgp-agent.conf';

/**
 * Where oslo.config looks when no file is named: for the project (`bgp-agent`) and the program (`ovn-bgp-agent`) each
 * the first of `~/.bgp-agent`, `~`, `/etc/bgp-agent`, `/etc` that has NAME.conf, likewise NAME.conf.d; then the
 * packaged file if none was found.
 */
export async function findDefaultPlaces(
  home: string = homedir(),
  etc = '/etc',
  packagedFile: string = PACKAGED_FILE,
): Promise<DefaultPlaces> {
  const roots = [join(home, '.bgp-agent'), home, join(etc, 'bgp-agent'), etc];
  const search = async (extension: string): Promise<string[]> => {
    const found: string[] = [];
    for (const name of ['bgp-agent', 'ovn-bgp-agent']) {
      const path = await firstExisting(roots.map((root) => join(root, `${name}${extension}`)));
      if (path !== undefined) found.push(path);
    }
    return found;
  };
  const files = await search('.conf');
  const packaged = files.length === 0 ? await firstExisting([packagedFile]) : undefined;
  return {
    files: packaged === undefined ? files : [packaged],
    directories: await search('.conf.d'),
  };
}

async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const exists = await access(path, constants.F_OK).then(
      () => true,
      () => false,
    );
    if (exists) return path;
  }
  return undefined;
}

export type ReadResult =
  | { readonly ok: true; readonly path: string; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly problem: string };

export async function readConfigFile(file: string): Promise<ReadResult> {
  const path = absolutePath(file);
  try {
    return { ok: true, path, bytes: await readFile(path) };
  } catch (error) {
    return { ok: false, problem: `${path}: cannot be read: ${causeOf(error)}` };
  }
}

export type ListResult =
  | { readonly ok: true; readonly files: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** The `*.conf` of a directory, sorted by code point; hidden ones do not count, as in a shell. */
export async function listConfigDirectory(directory: string): Promise<ListResult> {
  const path = absolutePath(directory);
  try {
    const names = (await readdir(path)).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
    return { ok: true, files: names.sort(compareText).map((name) => join(path, name)) };
  } catch (error) {
    return { ok: false, problem: `${path}: cannot be read: ${causeOf(error)}` };
  }
}

function absolutePath(path: string): string {
  return resolve(path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path);
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'it is not a directory, or a part of its path is not',
};

function causeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : CAUSES[code]) ?? message;
}
