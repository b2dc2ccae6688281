import { describe, expect, test } from 'vitest';

import { advancePosition, judgeMember, type ServerDatabase } from './member.ts';

const clustered: ServerDatabase = {
  _uuid: 'u',
  name: 'NB',
  model: 'clustered',
  connected: true,
  leader: false,
  schema: '{}',
  cid: 'c1',
  sid: 's1',
  index: 10,
};

function why(row: ServerDatabase | undefined, leaderOnly = false, index?: number, cluster = 'c1'): string {
  const verdict = judgeMember('NB', row, leaderOnly, index === undefined ? undefined : { cluster, index });
  return verdict.suitable ? '' : verdict.why;
}

describe('a member', () => {
  test('is judged by what the server says of its database', () => {
    expect(why(clustered)).toBe('');
    expect(why(undefined)).toMatch(/has no database NB/);
    expect(why({ ...clustered, schema: undefined })).toMatch(/not joined/);
    expect(why({ ...clustered, connected: false })).toMatch(/cut off/);
    expect(why(clustered, true)).toMatch(/not the leader/);
    expect(why({ ...clustered, leader: true }, true)).toBe('');
  });

  test('is stale behind a position seen in the same cluster', () => {
    expect(why(clustered, false, 10)).toBe('');
    expect(why(clustered, false, 11)).toMatch(/stale: at index 10, already seen 11/);
    expect(why(clustered, false, 11, 'another cluster')).toBe('');
  });

  test('that stands alone needs neither leader nor index', () => {
    const standalone = { ...clustered, model: 'standalone', cid: undefined, index: undefined };
    expect(why(standalone, true, 11)).toBe('');
  });

  test('that relays is as good as a leader, once it has reached its source', () => {
    const relay = { ...clustered, model: 'relay', cid: undefined, index: undefined };
    expect(why(relay, true, 11)).toBe('');
    expect(why({ ...relay, connected: false }, true)).toMatch(/not connected to its source/);
    // Before the first time: listed, without a schema.
    expect(why({ ...relay, schema: undefined }, true)).toMatch(/not connected to its source/);
  });

  test('moves the position forward only, and starts anew in another cluster', () => {
    expect(advancePosition(undefined, clustered)).toEqual({ cluster: 'c1', index: 10 });
    expect(advancePosition({ cluster: 'c1', index: 11 }, clustered)).toEqual({ cluster: 'c1', index: 11 });
    expect(advancePosition({ cluster: 'c0', index: 99 }, clustered)).toEqual({ cluster: 'c1', index: 10 });
    expect(advancePosition(undefined, { ...clustered, model: 'standalone' })).toBeUndefined();
  });
});
