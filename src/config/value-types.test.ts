import { describe, expect, it } from 'vitest';
import { booleanType, choiceType, integerType, listOf, optional, textType } from './value-types.ts';

const word = textType('word', 'letters', /^[a-z,]+$/);

describe('booleanType', () => {
  it.each(['1', 'true', 'True', 'TRUE', 'on', 'oN', 'yes', 't', 'T', 'y'])('%s is true', (text) => {
    expect(booleanType.parse(text)).toEqual({ ok: true, value: true });
  });
  it.each(['0', 'false', 'False', 'off', 'no', 'NO', 'f', 'n'])('%s is false', (text) => {
    expect(booleanType.parse(text)).toEqual({ ok: true, value: false });
  });
  it.each(['', '2', 'tru', 'None', 'true # why'])('%j is refused', (text) => {
    expect(booleanType.parse(text)).toEqual({
      ok: false,
      problem: `${JSON.stringify(text)} is not a boolean`,
    });
  });
});

describe('integerType', () => {
  const type = integerType(0, 100, 'per cent');
  it.each([
    ['0', 0],
    ['-0', 0],
    [' 7 ', 7],
    ['+8', 8],
    ['007', 7],
    ['100', 100],
  ])('%j is %i', (text, value) => {
    expect(type.parse(text)).toEqual({ ok: true, value });
  });
  it.each([
    ['-1', 'is out of range'],
    ['101', 'is out of range'],
    ['99999999999999999999', 'is out of range'],
    ['', 'is not a whole number'],
    ['1.5', 'is not a whole number'],
    ['0x10', 'is not a whole number'],
    ['1e1', 'is not a whole number'],
    ['10s', 'is not a whole number'],
  ])('%j %s', (text, problem) => {
    expect(type.parse(text)).toEqual({ ok: false, problem: `${JSON.stringify(text)} ${problem}` });
  });
});

describe('choiceType', () => {
  const type = choiceType(['underlay', 'vrf']);
  it('takes its members only, case counts', () => {
    expect(type.parse('vrf')).toEqual({ ok: true, value: 'vrf' });
    expect(type.parse('VRF')).toEqual({ ok: false, problem: '"VRF" is not known' });
    expect(type.parse('')).toEqual({ ok: false, problem: '"" is not known' });
  });
});

describe('optional', () => {
  it('takes nothing for not set, and prints it so', () => {
    expect(optional(word).parse(' ')).toEqual({ ok: true, value: undefined });
    expect(optional(word).parse('a')).toEqual({ ok: true, value: 'a' });
    expect(optional(word).parse('A').ok).toBe(false);
    expect(optional(word).format(undefined)).toBe('');
  });
});

describe('listOf', () => {
  const type = listOf(word, 'words');
  it.each<[string, string[]]>([
    ['', []],
    [' , ', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a , b ', ['a', 'b']],
    ['a,b,', ['a', 'b']],
    ['a,\nb', ['a', 'b']],
    ['"a","b"', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ["'a,b'", ['a,b']],
  ])('%j has %j', (text, value) => {
    expect(type.parse(text)).toEqual({ ok: true, value });
  });
  it.each([
    ['a,,b', '"a,,b" has an empty item'],
    ['"a,b', '"\\"a,b" has a quote that is not closed'],
    ['a,B', '"B" is not a valid word'],
    ['a\nb', '"a\\nb" is not a valid word'],
  ])('%j is refused', (text, problem) => {
    expect(type.parse(text)).toEqual({ ok: false, problem });
  });
});
