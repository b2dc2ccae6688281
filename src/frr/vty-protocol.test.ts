import { array, assert, integer, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrrError } from './errors.ts';
import { encodeCommand, ReplyParser } from './vty-protocol.ts';

describe('encodeCommand', () => {
  test('ends with one NUL', () => {
    expect(encodeCommand('show bgp vrfs json')).toEqual(Buffer.from('show bgp vrfs json\0'));
  });

  test.each([
    ['nothing', ''],
    ['a line feed', 'enable\nno router bgp'],
    ['a carriage return', 'enable\rexit'],
    ['a NUL', 'enable\0exit'],
    ['a tab', 'show\tversion'],
    ['an escape', 'show \u001b[A'],
    ['a question mark', 'show ?'],
    ['letters outside of ASCII', 'description ü'],
    ['space around', ' enable '],
    ['far too much', `description ${'x'.repeat(5000)}`],
  ])('refuses %s', (_, command) => {
    expect(() => encodeCommand(command)).toThrow(FrrError);
  });
});

describe('ReplyParser', () => {
  const wire = (text: string, status: number): Buffer =>
    Buffer.concat([Buffer.from(text), Buffer.from([0, 0, 0, status])]);

  test('an empty reply', () => {
    expect(new ReplyParser(100).push(wire('', 0))).toEqual([{ text: '', status: 0 }]);
  });

  test('finds the same replies however the bytes are cut', () => {
    const text = string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !value.includes('\0'));
    const replies = array(tuple(text, integer({ min: 0, max: 255 })), { maxLength: 5 });
    const cuts = array(integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 50 });
    assert(
      property(replies, cuts, (sent, sizes) => {
        const bytes = Buffer.concat(sent.map(([body, status]) => wire(body, status)));
        const parser = new ReplyParser(1000);
        const received = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          received.push(...parser.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(received).toEqual(sent.map(([body, status]) => ({ text: body, status })));
      }),
    );
  });

  test('gives up on a reply without an end', () => {
    const parser = new ReplyParser(1000);
    const flood = (): void => {
      for (let i = 0; i < 11; i++) parser.push(Buffer.alloc(100, 'x'));
    };
    expect(flood).toThrow(FrrError);
    expect(new ReplyParser(1000).push(wire('x'.repeat(1000), 0))).toHaveLength(1);
  });
});
