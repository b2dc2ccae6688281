/** docs/reference/plan.schema.json as a question, for the tests of what `plan --output json` prints. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

interface Definition {
  readonly properties?: Readonly<
    Record<string, { readonly enum?: readonly string[]; readonly maxItems?: number }>
  >;
}

export const PLAN_SCHEMA = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../docs/reference/plan.schema.json'), 'utf8'),
) as { readonly $defs: Readonly<Record<string, Definition>> };

const validator = new Ajv2020({ allErrors: true }).compile(PLAN_SCHEMA);

/** What is wrong with a plan, as text; empty: nothing. */
export function schemaProblems(plan: unknown): string[] {
  validator(plan);
  return (validator.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
