import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from './quote.ts';

describe('quote', () => {
  it.each([
    ['vm-1', '"vm-1"'],
    ['', '""'],
    ['say "hi"\\', '"say \\"hi\\"\\\\"'],
    ['a\nb\u001b[31m', '"a\\u000ab\\u001b[31m"'],
    ['\u202egnp', '"\\u202egnp"'],
  ])('shows %j', (text, shown) => {
    expect(quote(text)).toBe(shown);
  });

  it('cuts what is long and tells how long it was', () => {
    expect(quote('x'.repeat(10_000), 5)).toBe('"xxxxx..." (10000 characters)');
    expect(quote('x'.repeat(5), 5)).toBe('"xxxxx"');
  });

  it('is short printable ASCII, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(quote(text)).toMatch(/^[\x20-\x7e]{2,420}$/);
      }),
    );
  });
});
