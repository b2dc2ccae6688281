import { describe, expect, it } from 'vitest';
import { parseReplies, summarize } from './ping-watch.ts';

function line(atSec: number, sequence: number): string {
  return `[${atSec.toFixed(6)}] 64 bytes from 172.24.4.1: icmp_seq=${sequence} ttl=61 time=0.8 ms\n`;
}

describe('a ping that goes on', () => {
  it('counts what is missing between answers, and the time without one', () => {
    const output = `PING 172.24.4.1\n${line(10, 1)}${line(10.05, 2)}${line(10.45, 10)}From 10.0.0.1 icmp_seq=11 Destination Host Unreachable\n${line(10.55, 12)}`;
    const { answers, lost, outageMs } = summarize(parseReplies(output));
    expect({ answers, lost }).toEqual({ answers: 4, lost: 8 });
    expect(outageMs).toBeCloseTo(350, 0);
  });

  it('has no outage where nothing is missing, however late the answers are', () => {
    expect(summarize(parseReplies(line(10, 1) + line(12, 2)))).toEqual({ answers: 2, lost: 0, outageMs: 0 });
  });

  it('has seen nothing where nothing came', () => {
    expect(summarize(parseReplies('PING 172.24.4.1\n'))).toEqual({ answers: 0, lost: 0, outageMs: 0 });
  });
});
