import { describe, expect, it } from 'vitest';
import { northboundResidence, southboundResidence } from './residence.ts';

describe('northboundResidence on cmp-1', () => {
  const residence = (requested: string | undefined, hostId: string | undefined, up?: boolean, type = '') =>
    northboundResidence(
      {
        type,
        up,
        options: new Map(requested === undefined ? [] : [['requested-chassis', requested]]),
        external_ids: new Map(hostId === undefined ? [] : [['neutron:host_id', hostId]]),
      },
      'cmp-1',
    );

  it.each([
    ['requested here', 'cmp-1', undefined, true, { kind: 'here' }],
    ['requested elsewhere', 'cmp-2', undefined, true, { kind: 'elsewhere', node: 'cmp-2' }],
    ['the request beats the host id', 'cmp-2', 'cmp-1', true, { kind: 'elsewhere', node: 'cmp-2' }],
    ['the host id counts without a request', undefined, 'cmp-1', true, { kind: 'here' }],
    ['and with an empty one', '', 'cmp-1', true, { kind: 'here' }],
    ['neither', undefined, undefined, true, { kind: 'nowhere' }],
    ['both empty', '', '', true, { kind: 'nowhere' }],
    ['down', 'cmp-1', undefined, false, { kind: 'down' }],
    ['up unknown counts as down', 'cmp-1', undefined, undefined, { kind: 'down' }],
    ['source of a migration', 'cmp-1,cmp-2', 'cmp-1', true, { kind: 'migrating', up: true, main: true }],
    [
      'destination of a migration',
      'cmp-2,cmp-1',
      'cmp-2',
      false,
      { kind: 'migrating', up: false, main: false },
    ],
    ['migration of others', 'cmp-2,cmp-3', undefined, true, { kind: 'elsewhere', node: 'cmp-2' }],
    [
      'a host name is compared whole',
      'cmp-10,cmp-11',
      undefined,
      true,
      { kind: 'elsewhere', node: 'cmp-10' },
    ],
    ['spaces are part of a name', 'cmp-2, cmp-1', undefined, true, { kind: 'elsewhere', node: 'cmp-2' }],
  ])('%s', (_, requested, hostId, up, expected) => {
    expect(residence(requested, hostId, up)).toEqual(expected);
  });

  it('ignores the request on virtual ports', () => {
    expect(residence('cmp-2', 'cmp-1', true, 'virtual')).toEqual({ kind: 'here' });
    expect(residence('cmp-1,cmp-2', 'cmp-2', true, 'virtual')).toEqual({ kind: 'elsewhere', node: 'cmp-2' });
    expect(residence('cmp-1', undefined, true, 'virtual')).toEqual({ kind: 'nowhere' });
  });
});

describe('southboundResidence on C1', () => {
  it.each([
    ['bound', 'C1', [], true, '', { kind: 'here' }],
    ['bound, up not known to that release', 'C1', [], undefined, '', { kind: 'here' }],
    ['bound, down', 'C1', [], false, '', { kind: 'down' }],
    ['elsewhere', 'C2', [], true, '', { kind: 'elsewhere', node: 'C2' }],
    ['unbound', undefined, [], undefined, '', { kind: 'nowhere' }],
    ['source of a migration', 'C1', ['C2'], true, '', { kind: 'migrating', up: true, main: true }],
    ['destination of a migration', 'C2', ['C1'], true, '', { kind: 'migrating', up: true, main: false }],
    ['migration of others', 'C2', ['C3'], true, '', { kind: 'elsewhere', node: 'C2' }],
    ['virtual ports do not migrate', 'C2', ['C1'], true, 'virtual', { kind: 'elsewhere', node: 'C2' }],
  ])('%s', (_, chassis, additionalChassis, up, type, expected) => {
    expect(southboundResidence({ type, chassis, additionalChassis, up }, 'C1')).toEqual(expected);
  });
});
