import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { type LoadedConfig, type LoadInput, loadConfig } from './load.ts';
import type { OptionId } from './options.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bgp-agent-config-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(root, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
}

const HERMETIC: LoadInput = { environment: {}, defaultFiles: [], defaultDirectories: [] };

async function load(text: string, input: LoadInput = {}): Promise<LoadedConfig> {
  return await loadConfig({ ...HERMETIC, files: [await file('a.conf', text)], ...input });
}

async function failure(text: string, input: LoadInput = {}): Promise<ConfigError> {
  const outcome = await load(text, input).catch((error: unknown) => error);
  if (!(outcome instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(outcome)}`);
  return outcome;
}

/** Problems with the directory of the test taken out. */
async function problems(text: string, input: LoadInput = {}): Promise<string[]> {
  return (await failure(text, input)).problems.map((problem) => problem.replaceAll(`${root}/`, ''));
}

async function warnings(text: string): Promise<string[]> {
  return (await load(text)).warnings.map((warning) => warning.replaceAll(`${root}/`, ''));
}

/** What stands on nodes: all sections that the Python agent and its libraries read. */
const PYTHON_AGENT_FILE = `[DEFAULT]
debug=True
use_syslog = False
default_log_levels = amqp=WARN,oslo.privsep.daemon=INFO
driver=nb_ovn_bgp_driver
exposing_method=underlay
ovsdb_connection=unix:/run/openvswitch/db.sock
bgp_AS=64999
bgp_router_id=10.0.0.31
bgp_vrf=bgp-vrf
bgp_vrf_table_id=10
bgp_nic=bgp-nic
reconcile_interval=300
frr_reconcile_interval=15
log_file=/var/log/ovn-bgp-agent.log

[agent]
# already root
root_helper =
[ovn]
ovn_sb_connection=tcp:172.30.0.1:6642
ovn_nb_connection=ssl:172.30.0.1:6641,ssl:172.30.0.2:6641
[local_ovn_cluster]
ovn_sb_connection = unix:/var/run/ovn/ovnsb_db.sock
[privsep]
helper_command=privsep-helper --config-file /etc/ovn-bgp-agent/bgp-agent.conf
[privsep_ovs_vsctl]
helper_command=privsep-helper --config-file /etc/ovn-bgp-agent/bgp-agent.conf
[privsep_vtysh]
helper_command=privsep-helper --config-file /etc/ovn-bgp-agent/bgp-agent.conf
group=frrvty
[oslo_concurrency]
lock_path=/tmp
`;

describe('loadConfig', () => {
  it("takes a file of the Python agent's without a warning", async () => {
    const { config, warnings } = await load(PYTHON_AGENT_FILE);
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      driver: 'nb_ovn_bgp_driver',
      ovsdbConnection: 'unix:/run/openvswitch/db.sock',
      bgpRouterId: '10.0.0.31',
      ovnNbConnection: 'ssl:172.30.0.1:6641,ssl:172.30.0.2:6641',
      ovnSbConnection: 'tcp:172.30.0.1:6642',
      logLevel: 'debug',
      logFile: '/var/log/ovn-bgp-agent.log',
    });
  });

  it('is content without a file', async () => {
    const { config, files, sources } = await loadConfig(HERMETIC);
    expect(files).toEqual([]);
    expect(config.bgpNic).toBe('bgp-nic');
    expect(sources.every(({ origin }) => origin.kind === 'default')).toBe(true);
  });

  it('lets the last of several wins, within a file and between files', async () => {
    const first = await file('1.conf', '[DEFAULT]\nbgp_nic = a\nbgp_nic = b\nbgp_vrf = c\n');
    const second = await file('2.conf', '[DEFAULT]\nbgp_vrf = d\n');
    const { config, files } = await loadConfig({ ...HERMETIC, files: [first, second] });
    expect(config).toMatchObject({ bgpNic: 'b', bgpVrf: 'd' });
    expect(files).toEqual([first, second]);
  });

  it('reads *.conf of directories sorted, after all files', async () => {
    const one = await file('one.conf', '[DEFAULT]\nbgp_nic = file\nbgp_vrf = file\nbgp_AS = 1\n');
    await file('d/20.conf', '[DEFAULT]\nbgp_nic = d20\n');
    await file('d/10.conf', '[DEFAULT]\nbgp_nic = d10\nbgp_vrf = d10\n');
    await file('d/.30.conf', '[DEFAULT]\nbgp_AS = 2\n');
    await file('d/40.conf.bak', '[DEFAULT]\nbgp_AS = 3\n');
    const directory = join(root, 'd');
    const { config, files } = await loadConfig({ ...HERMETIC, files: [one], directories: [directory] });
    expect(config).toMatchObject({ bgpNic: 'd20', bgpVrf: 'd10', bgpAs: 1 });
    expect(files).toEqual([one, join(directory, '10.conf'), join(directory, '20.conf')]);
  });

  it('takes default files and directories only where none were asked for', async () => {
    const named = await file('named.conf', '[DEFAULT]\nbgp_nic = named\n');
    const byDefault = await file('default.conf', '[DEFAULT]\nbgp_nic = default\n');
    await file('d/x.conf', '[DEFAULT]\nbgp_vrf = directory\n');
    const defaults = { ...HERMETIC, defaultFiles: [byDefault], defaultDirectories: [join(root, 'd')] };
    expect((await loadConfig(defaults)).config).toMatchObject({ bgpNic: 'default', bgpVrf: 'directory' });
    const asked = await loadConfig({ ...defaults, files: [named] });
    expect(asked.config).toMatchObject({ bgpNic: 'named', bgpVrf: 'directory' });
  });

  it('lets the command line win over the environment, and that over files', async () => {
    const text = '[DEFAULT]\nbgp_nic = file\nbgp_vrf = file\nbgp_AS = 1\n';
    const { config, sources } = await load(text, {
      environment: { OS_DEFAULT__BGP_NIC: 'environment', OS_DEFAULT__BGP_VRF: 'environment' },
      overrides: new Map<OptionId, string>([['bgpNic', 'flag']]),
    });
    expect(config).toMatchObject({ bgpNic: 'flag', bgpVrf: 'environment', bgpAs: 1 });
    const origin = (name: string) => sources.find((source) => source.name === name)?.origin;
    expect(origin('bgp_nic')).toEqual({ kind: 'command-line', flag: '--bgp-nic' });
    expect(origin('bgp_vrf')).toEqual({ kind: 'environment', variable: 'OS_DEFAULT__BGP_VRF' });
    expect(origin('bgp_AS')).toEqual({
      kind: 'file',
      file: join(root, 'a.conf'),
      line: 4,
      place: '[DEFAULT] bgp_AS',
    });
    expect(origin('driver')).toEqual({ kind: 'default' });
  });

  it('ignores the case of section names, but not of DEFAULT', async () => {
    const { config } = await load('[OVN]\novn_nb_connection = tcp:1.1.1.1:1\n[default]\nbgp_AS = 7\n');
    expect(config).toMatchObject({ ovnNbConnection: 'tcp:1.1.1.1:1', bgpAs: 64_999 });
  });

  it('reads [ovn] options from [DEFAULT], unless they stand in [ovn]', async () => {
    const old = await load(
      '[DEFAULT]\novn_nb_connection = tcp:1.1.1.1:1\novn_sb_connection = tcp:1.1.1.1:2\n[ovn]\novn_sb_connection = tcp:2.2.2.2:2\n',
    );
    expect(old.config).toMatchObject({ ovnNbConnection: 'tcp:1.1.1.1:1', ovnSbConnection: 'tcp:2.2.2.2:2' });
    expect(old.warnings).toEqual([
      `${root}/a.conf:2: [DEFAULT] ovn_nb_connection: an old place for this option; write it as [ovn] ovn_nb_connection`,
    ]);
    const later = await file('later.conf', '[DEFAULT]\novn_sb_connection = tcp:3.3.3.3:2\n');
    const both = await loadConfig({ ...HERMETIC, files: [join(root, 'a.conf'), later] });
    expect(both.config.ovnSbConnection).toBe('tcp:3.3.3.3:2');
  });

  it.each([
    ['log_dir = /var/log/agent', '/var/log/agent/ovn-bgp-agent.log'],
    ['log_dir = /var/log\nlog_file = agent.log', '/var/log/agent.log'],
    ['log_dir = /var/log\nlog_file = /tmp/agent.log', '/tmp/agent.log'],
    ['log_file = agent.log', 'agent.log'],
    ['log_file =', undefined],
    ['logfile = /a\nlogdir = /b', '/a'],
  ])('names the log file of %j', async (lines, expected) => {
    expect((await load(`[DEFAULT]\n${lines}\n`)).config.logFile).toBe(expected);
  });

  it.each([
    ['', 'info'],
    ['log_level = warn', 'warn'],
    ['log_level = warn\ndebug = true', 'debug'],
  ])('logs by %j at level %s', async (lines, level) => {
    expect((await load(`[DEFAULT]\n${lines}\n`)).config.logLevel).toBe(level);
  });

  it('replaces references: own section first, then [DEFAULT], sections by name, defaults too', async () => {
    const { config } = await load(`[DEFAULT]
bgp_vrf = v$bgp_vrf_table_id
bgp_nic = n-$local_ovn_cluster.bgp_chassis_id
frr_run_dir = /$bgp_nic
[ovn]
ovn_nb_connection = unix:/$bgp_vrf
ovn_sb_connection = $ovn_nb_connection
[local_ovn_cluster]
ovn_nb_connection = unix:\${ovn.ovn_nb_ca_cert}
`);
    expect(config).toMatchObject({
      bgpVrf: 'v10',
      bgpNic: 'n-bgp',
      frrRunDir: '/n-bgp',
      ovnSbConnection: 'unix:/v10',
      localOvnCluster: { ovnNbConnection: 'unix:/etc/ipa/ca.crt' },
    });
  });

  it('refuses references to what is no option; a dot belongs to the name', async () => {
    expect(await problems('[DEFAULT]\nlog_file = /var/log/$bgp_AS.log\n')).toEqual([
      'a.conf:2: [DEFAULT] log_file: refers to $bgp_AS.log, which is no option (a dollar sign is written $$)',
    ]);
  });

  it('finds references that run in a circle', async () => {
    expect(await problems('[DEFAULT]\nbgp_nic = $bgp_vrf\nbgp_vrf = $bgp_nic\n')).toEqual([
      'a.conf:2: [DEFAULT] bgp_nic: refers to $bgp_vrf, which has no usable value',
      'a.conf:3: [DEFAULT] bgp_vrf: refers to itself through $bgp_nic',
    ]);
  });

  it('collects all problems, each with its place', async () => {
    const text = `[DEFAULT]
driver = nb_ovn_bgp_drvier
exposing_method = underlay
  # by kernel routing
bgp_AS = 64999 # ours
bgp_vrf_table_id = 254
broken
reconcile_interval = 0
[ovn]
ovn_nb_connection = 10.0.0.1:6641
`;
    expect(await problems(text, { overrides: new Map<OptionId, string>([['bgpNic', 'a b']]) })).toEqual([
      'a.conf:7: neither "=" nor ":" in "broken"',
      'a.conf:2: [DEFAULT] driver: "nb_ovn_bgp_drvier" is not known; accepted: one of ovn_bgp_driver, nb_ovn_bgp_driver, ovn_evpn_driver, ovn_stretched_l2_bgp_driver (did you mean nb_ovn_bgp_driver?)',
      'a.conf:3: [DEFAULT] exposing_method: "underlay\\n# by kernel routing" is not known; accepted: one of underlay, l2vni, vrf, dynamic, ovn (lines that begin with white space continue the value above them)',
      'a.conf:8: [DEFAULT] reconcile_interval: "0" is out of range; accepted: a whole number from 1 to 2147483 (seconds)',
      'a.conf:5: [DEFAULT] bgp_AS: "64999 # ours" is not an AS number; accepted: an AS number from 1 to 4294967295, or as high.low with each part up to 65535 (a comment must have a line of its own)',
      '--bgp-nic: "a b" is not a valid interface name; accepted: 1 to 15 letters, digits, ".", "_", "-", "@" or "+", beginning with a letter, digit or "_"',
      'a.conf:6: [DEFAULT] bgp_vrf_table_id: "254" is the kernel\'s own table "main"; accepted: a table number from 1 to 4294967295, but not 253, 254, 255',
      'a.conf:10: [ovn] ovn_nb_connection: "10.0.0.1:6641" does not begin with tcp:, ssl: or unix:; accepted: tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH (an IPv6 HOST in square brackets), several separated by commas; empty: not set',
    ]);
  });

  it.each([
    ['log_file', '/tmp/agent.log # for now', 'logFile'],
    ['frr_run_dir', '/run/frr ; default', 'frrRunDir'],
  ] as const)(
    'takes what looks like a comment behind %s as part of it, and says so',
    async (name, text, member) => {
      const { config, warnings } = await load(`[DEFAULT]\n${name} = ${text}\n`);
      expect(config[member]).toBe(text);
      expect(warnings.join('\n')).toContain(`"${text}" is taken as it is`);
      expect(warnings.join('\n')).toContain(name);
    },
  );

  it('refuses one name for two devices', async () => {
    expect(await problems('[DEFAULT]\nbgp_vrf = bgp-nic\n')).toEqual([
      'a.conf:2: [DEFAULT] bgp_vrf: bgp_nic and bgp_vrf name the same device "bgp-nic"; accepted: two different names',
    ]);
  });

  it('names files and directories that cannot be read, and why', async () => {
    const inside = (name: string) => join(root, name);
    await file('plain', '');
    await mkdir(inside('d/x.conf'), { recursive: true });
    const error = await failure('', {
      files: [inside('absent.conf'), root, inside('plain/x.conf')],
      directories: [inside('nowhere'), inside('plain'), inside('d')],
    });
    expect(error.problems).toEqual([
      `${root}/nowhere: cannot be read: it does not exist`,
      `${root}/plain: cannot be read: it is not a directory, or a part of its path is not`,
      `${root}/absent.conf: cannot be read: it does not exist`,
      `${root}: cannot be read: it is a directory`,
      `${root}/plain/x.conf: cannot be read: it is not a directory, or a part of its path is not`,
      `${root}/d/x.conf: cannot be read: it is a directory`,
    ]);
    expect(error.code).toBe('CONFIG');
    expect(error.message).toContain('absent.conf');
  });

  it.each([
    [
      '[DEFAULT]\nbgp_as = 1',
      'a.conf:2: [DEFAULT] bgp_as: unknown option, it does not count; did you mean bgp_AS?',
    ],
    [
      '[DEFAULT]\nlog-file = x',
      'a.conf:2: [DEFAULT] log-file: unknown option, it does not count; did you mean log_file?',
    ],
    ['[DEFAULT]\nzzzzzz = x', 'a.conf:2: [DEFAULT] zzzzzz: unknown option, it does not count'],
    [
      '[ovn]\nbgp_AS = 1',
      'a.conf:2: [ovn] bgp_AS: unknown option, it does not count; it belongs to [DEFAULT]',
    ],
    [
      '[ovn]\nlog_level_ = 1',
      'a.conf:2: [ovn] log_level_: unknown option, it does not count; did you mean [DEFAULT] log_level?',
    ],
    [
      '[agent]\nroot_helpr = x',
      'a.conf:2: [agent] root_helpr: unknown option, it does not count; did you mean root_helper?',
    ],
    [
      '[DEFAULT]\npeer_ips = 1.1.1.1',
      'a.conf:2: [DEFAULT] peer_ips: unknown option, it does not count; it belongs to [local_ovn_cluster]',
    ],
    [
      '[ovs]\na = 1\n[ovs]\nb = 1',
      'a.conf:1: [ovs]: unknown section, nothing in it counts; did you mean [ovn]?',
    ],
    [
      '[default]\nbgp_AS = 1',
      'a.conf:1: [default]: unknown section, nothing in it counts; did you mean [DEFAULT]?',
    ],
    ['[ ovn ]\na = 1', 'a.conf:1: [ ovn ]: unknown section, nothing in it counts; did you mean [ovn]?'],
    ['[keystone_authtoken]\na = 1', 'a.conf:1: [keystone_authtoken]: unknown section, nothing in it counts'],
    [
      '[DEFAULT]\nallowed_prefixes = 10.0.0.1/8, 2001:db8::/32',
      'a.conf:2: [DEFAULT] allowed_prefixes: 10.0.0.1/8 has bits behind its mask: taken as 10.0.0.0/8',
    ],
    [
      '[DEFAULT]\nlogfile = /a',
      'a.conf:2: [DEFAULT] logfile: an old place for this option; write it as [DEFAULT] log_file',
    ],
  ])('warns of %j', async (text, warning) => {
    expect(await warnings(text)).toEqual([warning]);
  });

  it('carries the warnings with the problems, for a misspelt name may explain them', async () => {
    const error = await failure('[DEFAULT]\nbgp_as = 1\ndriver = x\n');
    expect(error.problems).toHaveLength(1);
    expect(error.warnings).toHaveLength(1);
  });
});
