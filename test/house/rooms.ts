/**
 * The rooms of the house: which rooms each may import, and whether it is pure. The one source of the import check and of
 * the table in docs/architecture.md.
 *
 * What is not named here is refused: a new room has no rights until it has a row.
 */

export interface Room {
  /** Directory below `src/`. */
  readonly name: string;
  /** For people: what it does. */
  readonly does: string;
  /** Rooms that its modules may import, tests and helpers of tests included. */
  readonly imports: readonly string[];
  /** Packages of npm that its modules may import. */
  readonly packages?: readonly string[];
  /** No `node:` module, no clock, no randomness, no environment: the same input gives the same output. */
  readonly pure: boolean;
}

/** From the top down; a room may import only rooms that stand below it. */
export const ROOMS: readonly Room[] = [
  room('cli', 'commands: parse, call, print; the only place where the real edges are put together', {
    imports: [
      'agent',
      'exposures',
      'node',
      'local-ovn',
      'localnb',
      'openvswitch',
      'frr',
      'netlink',
      'ovsdb',
      'config',
      'base',
    ],
    packages: ['commander', 'pino'],
  }),
  room('agent', 'the loop, the guards, the timers, the change log', {
    imports: [
      'wiring',
      'exposures',
      'node',
      'localnb',
      'ovn',
      'openvswitch',
      'frr',
      'netlink',
      'ovsdb',
      'config',
      'base',
    ],
  }),
  room('wiring', 'exposures and facts -> desired objects', {
    imports: ['exposures', 'node', 'localnb', 'ovn', 'openvswitch', 'frr', 'config', 'base'],
    pure: true,
  }),
  room('exposures', 'topology and policy -> exposures and denials; one file per kind of address', {
    imports: ['ovn', 'config', 'base'],
    pure: true,
  }),
  room('node', 'what the node holds: kinds, diff, apply, drift', {
    imports: ['localnb', 'openvswitch', 'frr', 'netlink', 'base'],
  }),
  room('local-ovn', "the node's own OVN: its programs, databases and keys; the command `local-ovn`", {
    imports: ['openvswitch', 'ovsdb', 'config', 'base'],
  }),
  room('localnb', "the node's own OVN: rows of its Northbound database, read and written", {
    imports: ['ovsdb', 'base'],
  }),
  room('ovn', 'typed Northbound and Southbound tables, the topology over them', {
    imports: ['ovsdb', 'base'],
    pure: true,
  }),
  room('openvswitch', 'the local vswitchd: its database, bridges, ports, flows', {
    imports: ['ovsdb', 'base'],
  }),
  room('frr', 'FRR daemons: vty sockets, running configuration, stanzas', { imports: ['base'] }),
  room('netlink', 'rtnetlink for Node.js, a library on its own', { imports: [] }),
  room('ovsdb', 'RFC 7047 client and replica, a library on its own', { imports: [] }),
  room('config', 'the option table: parsing, help, reference, sample', { imports: ['base'] }),
  room('base', 'address types, order, logger and clock interfaces', { imports: [], pure: true }),
];

/** The one module of a pure room that reaches outside, behind an interface. */
export const IMPURE_MODULES: readonly string[] = ['src/base/clock.ts'];

/**
 * Imports that only tests and their helpers have, besides those of their room: a test may build its world from rooms that
 * the product of its room must not know.
 */
export const TEST_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  cli: ['ovn'],
  exposures: ['ovsdb'],
  localnb: ['ovn'],
};

function room(
  name: string,
  does: string,
  rights: Pick<Room, 'imports' | 'packages'> & Partial<Pick<Room, 'pure'>>,
): Room {
  return { pure: false, ...rights, name, does };
}
