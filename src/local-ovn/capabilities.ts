/**
 * What the installed programs must be able to do, and what is missing. Pure: what was found in, sentences out.
 *
 * Abilities are looked for in the programs themselves (help text, option names in the executable, database schema), not
 * concluded from version numbers: distributions patch.
 */

export interface Findings {
  /** Programs on the path, by name; absent ones are missing. */
  readonly programs: ReadonlySet<string>;
  /** First line of `--version`, by program. */
  readonly versions: ReadonlyMap<string, string>;
  readonly controllerHelp: string;
  /** Whether the executable of ovn-controller knows the key `ct-zone-range`. */
  readonly conntrackZoneRange: boolean;
  /** Whether the executable of ovn-northd knows the option `arp_proxy`. */
  readonly arpProxy: boolean;
  /** Schema files that were found, parsed; by file name. */
  readonly schemas: ReadonlyMap<string, SchemaText>;
}

/** As much of an OVSDB schema (RFC 7047 3.2) as is looked at. */
export interface SchemaText {
  readonly version?: string;
  readonly tables?: Readonly<Record<string, { readonly columns?: Readonly<Record<string, unknown>> }>>;
}

export interface Capabilities {
  /** Why the node's own OVN cannot run with these programs. */
  readonly problems: readonly string[];
  /** What will be missing, without harm to the rest. */
  readonly warnings: readonly string[];
}

/** Debian's packages; other distributions name them alike. */
const PACKAGES: Readonly<Record<string, string>> = {
  'ovsdb-server': 'openvswitch-switch',
  'ovsdb-tool': 'openvswitch-common',
  'ovs-appctl': 'openvswitch-common',
  'ovn-northd': 'ovn-central',
  'ovn-controller': 'ovn-host',
};

export const NEEDED_PROGRAMS = Object.keys(PACKAGES);
export const SCHEMA_FILES = ['ovn-nb.ovsschema', 'ovn-sb.ovsschema'] as const;

/** Table and column of the Northbound schema that the agent's rows need. */
const NEEDED_COLUMNS: readonly (readonly [table: string, column: string])[] = [
  ['Static_MAC_Binding', 'override_dynamic_mac'],
  ['Logical_Router_Static_Route', 'output_port'],
  ['Logical_Router_Policy', 'nexthops'],
];

const ADVICE = 'OVN 25.03 (Debian 13) has it';

/** `started`: which programs would have to be started; those of the operator are not judged. */
export function judge(findings: Findings, started: ReadonlySet<string>): Capabilities {
  const problems: string[] = [];
  const needed = NEEDED_PROGRAMS.filter(
    (program) => started.has(program) || (program.startsWith('ovsdb-') && started.has('ovsdb-server')),
  );
  for (const program of needed) {
    if (findings.programs.has(program)) continue;
    problems.push(`${program} is not installed: it is in the package ${PACKAGES[program]}`);
  }
  const version = (program: string): string => findings.versions.get(program) ?? program;
  if (started.has('ovn-controller') && findings.programs.has('ovn-controller')) {
    const name = version('ovn-controller');
    if (!/^\s+-n\b/m.test(findings.controllerHelp)) {
      problems.push(`${name} has no option -n, so a second one cannot run beside the first; ${ADVICE}`);
    } else if (!/--unixctl\b/.test(findings.controllerHelp)) {
      problems.push(
        `${name} has no option --unixctl, so the two ovn-controllers cannot be told apart by their control sockets; ${ADVICE}`,
      );
    }
    if (!findings.conntrackZoneRange) {
      problems.push(
        `${name} does not know ct-zone-range: two controllers on one vswitchd would number the same connection tracking zones and flush each other's connections; ${ADVICE}`,
      );
    }
  }
  if (started.has('ovn-northd') && findings.programs.has('ovn-northd') && !findings.arpProxy) {
    problems.push(`${version('ovn-northd')} does not know arp_proxy; ${ADVICE}`);
  }
  const warnings: string[] = [];
  if (started.has('ovsdb-server')) {
    for (const file of SCHEMA_FILES) {
      if (!findings.schemas.has(file)) {
        problems.push(`the schema ${file} was not found in /usr/share/ovn: it is in the package ovn-central`);
      }
    }
    const tables = findings.schemas.get('ovn-nb.ovsschema')?.tables;
    if (tables !== undefined) {
      for (const [table, column] of NEEDED_COLUMNS) {
        if (!hasColumn(tables, table, column)) {
          problems.push(`the Northbound schema has no column ${column} in ${table}; ${ADVICE}`);
        }
      }
      if (!hasColumn(tables, 'Logical_Router_Policy', 'bfd_sessions')) {
        warnings.push(
          'the Northbound schema has no column bfd_sessions in Logical_Router_Policy: next hops of policies do not follow OVN BFD',
        );
      }
    }
  }
  return { problems, warnings };
}

function hasColumn(tables: NonNullable<SchemaText['tables']>, table: string, column: string): boolean {
  return tables[table]?.columns?.[column] !== undefined;
}
