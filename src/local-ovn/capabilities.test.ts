import { describe, expect, it } from 'vitest';
import { type Findings, judge, NEEDED_PROGRAMS } from './capabilities.ts';

const ALL = new Set(['ovsdb-server', 'ovn-northd', 'ovn-controller']);
const HELP_25 =
  '  -u, --unixctl=SOCKET    set control socket name\n  -n                      custom chassis name\n';
const COLUMNS = (bfdSessions: boolean) => ({
  Static_MAC_Binding: { columns: { override_dynamic_mac: {} } },
  Logical_Router_Static_Route: { columns: { output_port: {} } },
  Logical_Router_Policy: { columns: { nexthops: {}, ...(bfdSessions ? { bfd_sessions: {} } : {}) } },
});

function findings(changes: Partial<Findings> = {}): Findings {
  return {
    programs: new Set(NEEDED_PROGRAMS),
    versions: new Map([['ovn-controller', 'ovn-controller 25.03.0']]),
    controllerHelp: HELP_25,
    conntrackZoneRange: true,
    arpProxy: true,
    schemas: new Map([
      ['ovn-nb.ovsschema', { tables: COLUMNS(true) }],
      ['ovn-sb.ovsschema', { tables: {} }],
    ]),
    ...changes,
  };
}

describe('what the installed OVN can do', () => {
  it('is enough with OVN 25.03', () => {
    expect(judge(findings(), ALL)).toEqual({ problems: [], warnings: [] });
  });

  it('is not enough with OVN 23.03, which is told with what to do', () => {
    const { problems, warnings } = judge(
      findings({
        versions: new Map([['ovn-controller', 'ovn-controller 23.03.1']]),
        controllerHelp: '  -n                      custom chassis name\n',
        conntrackZoneRange: false,
        schemas: new Map([
          ['ovn-nb.ovsschema', { tables: COLUMNS(false) }],
          ['ovn-sb.ovsschema', { tables: {} }],
        ]),
      }),
      ALL,
    );
    expect(problems).toEqual([
      expect.stringMatching(/^ovn-controller 23\.03\.1 has no option --unixctl.*Debian 13/),
      expect.stringMatching(/^ovn-controller 23\.03\.1 does not know ct-zone-range.*Debian 13/),
    ]);
    expect(warnings).toEqual([expect.stringContaining('bfd_sessions')]);
  });

  it.each([
    ['no second controller', findings({ controllerHelp: '' }), /has no option -n/],
    ['no proxy', findings({ arpProxy: false }), /does not know arp_proxy/],
    [
      'no program',
      findings({ programs: new Set(['ovn-northd']) }),
      /ovn-controller is not installed.*ovn-host/,
    ],
    ['no schema', findings({ schemas: new Map() }), /ovn-nb\.ovsschema was not found.*ovn-central/],
    [
      'no static bindings',
      findings({ schemas: new Map([['ovn-nb.ovsschema', { tables: {} }]]) }),
      /no column override_dynamic_mac in Static_MAC_Binding/,
    ],
  ])('is not enough with %s', (_what, found, problem) => {
    expect(judge(found, ALL).problems.join('\n')).toMatch(problem);
  });

  it('does not matter for what the operator runs', () => {
    const nothing = findings({
      programs: new Set(),
      controllerHelp: '',
      conntrackZoneRange: false,
      arpProxy: false,
    });
    expect(judge({ ...nothing, schemas: new Map() }, new Set())).toEqual({ problems: [], warnings: [] });
  });
});
