import { describe, expect, it } from 'vitest';
import { substitute } from './substitute.ts';

const options: Readonly<Record<string, string>> = { t: 'tee', 'ovn.u': 'yu', a_1: '$t' };
const lookup = (name: string): string | undefined => options[name];

describe('references in values, as oslo.config 9.0 replaces them', () => {
  it.each([
    ['plain', 'plain'],
    ['$t', 'tee'],
    [`\${t}x`, 'teex'],
    ['a$t/$ovn.u', 'atee/yu'],
    [`\${ovn.u}`, 'yu'],
    ['$$t', '$t'],
    ['\\$t', '$t'],
    ['$$$t', '$tee'],
    ['$5', '$5'],
    ['${', '${'],
    ['${t', '${t'],
    ['$', '$'],
    ['50$', '50$'],
    ['$a_1', '$t'],
  ])('%s gives %s', (text, result) => {
    expect(substitute(text, lookup)).toEqual({ ok: true, text: result });
  });

  it.each([
    ['$nosuch', '$nosuch'],
    ['$t.conf', '$t.conf'],
    ['$T', '$T'],
    [`$x \${y}`, '$x, $y'],
  ])('%s is refused', (text, names) => {
    expect(substitute(text, lookup)).toEqual({
      ok: false,
      problem: `refers to ${names}, which is no option (a dollar sign is written $$)`,
    });
  });
});
