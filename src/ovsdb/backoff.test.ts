import { expect, test } from 'vitest';

import { Backoff } from './backoff.ts';

test('the first round over all remotes is free, later rounds double up to the limit', () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 500 }, () => 0.5);
  const delays = Array.from({ length: 15 }, () => backoff.failed(3));
  expect(delays).toEqual([0, 0, 100, 0, 0, 200, 0, 0, 400, 0, 0, 500, 0, 0, 500]);
  backoff.succeeded();
  expect([backoff.failed(1), backoff.failed(1)]).toEqual([100, 200]);
});

test('the jitter is half the delay either way', () => {
  const at = (random: number): number => new Backoff({ minMs: 100, maxMs: 500 }, () => random).failed(1);
  expect([at(0), at(0.999_999)]).toEqual([50, 150]);
});
