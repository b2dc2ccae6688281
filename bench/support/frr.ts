/**
 * zebra and bgpd in a namespace, with everything that they write in a directory of its own; mgmtd where the release has it.
 *
 * In: a namespace, a directory that does not exist yet, bgpd's configuration. Out: daemons that answer. Releases with
 * mgmtd keep its sockets in /run/frr whatever they are told: there the directory must be seen under that path.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { until } from '../../test/support/until.ts';
import type { Namespace } from './namespace.ts';

const run = promisify(execFile);
const DAEMONS = '/usr/lib/frr';

/** Makes the directory, owned by FRR's own user. */
export async function frrDirectory(path: string): Promise<string> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => (await run('id', [flag, 'frr'])).stdout),
  );
  await mkdir(path);
  await chown(path, Number(uid), Number(gid));
  return path;
}

export interface FrrOptions {
  /** Takes BGP sessions from outside. */
  readonly listens?: boolean;
  /** Bytes of zebra's netlink buffer; `default`: what FRR has when nobody says. */
  readonly zebraBuffer?: number | 'default';
}

/** As Debian's own service file has it, or more. */
const ZEBRA_BUFFER_BYTES = 16_777_216;

export async function startFrr(
  place: Namespace,
  directory: string,
  config: string,
  { listens = false, zebraBuffer = ZEBRA_BUFFER_BYTES }: FrrOptions = {},
): Promise<void> {
  await writeFile(`${directory}/zebra.conf`, '');
  await writeFile(`${directory}/bgpd.conf`, config);
  const daemon = async (name: string, ...options: readonly string[]): Promise<void> => {
    place.daemon(
      `${DAEMONS}/${name}`,
      '-A127.0.0.1',
      '-P0',
      `-i${directory}/${name}.pid`,
      `--vty_socket=${directory}`,
      ...options,
    );
    await until(`${name} answers`, () => existsSync(`${directory}/${name}.vty`));
  };
  if (existsSync(`${DAEMONS}/mgmtd`)) await daemon('mgmtd');
  const buffer = zebraBuffer === 'default' ? [] : [`-s${zebraBuffer}`];
  const zebra = `-z${directory}/zserv.api`;
  await daemon('zebra', zebra, `-f${directory}/zebra.conf`, ...buffer);
  await until('zebra takes clients', () => existsSync(`${directory}/zserv.api`));
  await daemon('bgpd', zebra, `-f${directory}/bgpd.conf`, ...(listens ? [] : ['-p0']));
}
