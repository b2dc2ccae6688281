/**
 * The four processes of the node's own OVN: command lines, files, and how they are recognised. Pure.
 *
 * In: settings. Out: one specification a process. Nothing here can fail.
 */
import type { LocalOvnSettings, LocalProcess } from './types.ts';

export interface ProcessSpec {
  readonly name: LocalProcess;
  readonly title: string;
  readonly program: 'ovsdb-server' | 'ovn-northd' | 'ovn-controller';
  /** Program and arguments, without those that make a daemon of it. */
  readonly argv: readonly string[];
  readonly pidFile: string;
  readonly controlSocket: string;
  readonly logFile: string;
  /** Whether a command line is one of this process, whoever wrote it. */
  recognises(argv: readonly string[]): boolean;
}

/** A database and its file, of ours or of the operator. */
export interface DatabaseSpec {
  readonly name: 'nb' | 'sb';
  /** As the server calls it (RFC 7047). */
  readonly schema: 'OVN_Northbound' | 'OVN_Southbound';
  readonly schemaFile: string;
  readonly file: string;
  readonly remote: string;
}

/** `southbound` is the remote that the second controller is told, where the operator chose one. */
export function databaseSpecs(
  settings: LocalOvnSettings,
  southbound: string | undefined,
): Readonly<Record<'nb' | 'sb', DatabaseSpec>> {
  const file = (name: 'nb' | 'sb'): string => `${settings.databaseDir}/ovn${name}_db.db`;
  return {
    nb: {
      name: 'nb',
      schema: 'OVN_Northbound',
      schemaFile: 'ovn-nb.ovsschema',
      file: file('nb'),
      remote: settings.nbRemote,
    },
    sb: {
      name: 'sb',
      schema: 'OVN_Southbound',
      schemaFile: 'ovn-sb.ovsschema',
      file: file('sb'),
      remote: southbound ?? `unix:${settings.runDir}/ovnsb_db.sock`,
    },
  };
}

export function processSpecs(
  settings: LocalOvnSettings,
  southbound: string | undefined,
): Readonly<Record<LocalProcess, ProcessSpec>> {
  const { chassis, runDir, logDir } = settings;
  const { nb, sb } = databaseSpecs(settings, southbound);
  const files = (name: string): Pick<ProcessSpec, 'pidFile' | 'controlSocket' | 'logFile'> => ({
    pidFile: `${runDir}/${name}.pid`,
    controlSocket: `${runDir}/${name}.ctl`,
    logFile: `${logDir}/local-${name}.log`,
  });
  const server = (database: DatabaseSpec, title: string): ProcessSpec => ({
    name: database.name,
    title,
    program: 'ovsdb-server',
    argv: ['ovsdb-server', database.file, `--remote=p${database.remote}`],
    ...files(`ovn${database.name}_db`),
    recognises: (argv) => argv.some((word) => word.endsWith(`p${database.remote}`) || word === database.file),
  });
  return {
    nb: server(nb, 'Northbound database'),
    sb: server(sb, 'Southbound database'),
    northd: {
      name: 'northd',
      title: 'ovn-northd',
      program: 'ovn-northd',
      argv: ['ovn-northd', `--ovnnb-db=${nb.remote}`, `--ovnsb-db=${sb.remote}`],
      ...files('ovn-northd'),
      recognises: (argv) => argv.some((word) => word === `--ovnsb-db=${sb.remote}` || word === sb.remote),
    },
    controller: {
      name: 'controller',
      title: 'second ovn-controller',
      program: 'ovn-controller',
      argv: ['ovn-controller', '-n', chassis, settings.switchRemote],
      ...files('ovn-controller'),
      recognises: (argv) =>
        argv.includes(`-n${chassis}`) ||
        argv.some((word, index) => word === '-n' && argv[index + 1] === chassis),
    },
  };
}

/** The path of a `unix:` remote. */
export function socketPath(remote: string): string | undefined {
  return /^unix:(\/.+)$/.exec(remote)?.[1];
}

/** The complete command line of a daemon; `monitored`: another process watches it and starts it again when it crashes. */
export function daemonArgv(spec: ProcessSpec, monitored: boolean): readonly string[] {
  return [
    ...spec.argv,
    `--pidfile=${spec.pidFile}`,
    `--unixctl=${spec.controlSocket}`,
    `--log-file=${spec.logFile}`,
    '--detach',
    '--no-chdir',
    ...(monitored ? ['--monitor'] : []),
    '-vconsole:off',
  ];
}
