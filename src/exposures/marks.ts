/**
 * The operator's word on a candidate: `ovn-bgp-agent:expose` says whether it is exposed, `ovn-bgp-agent:tag` names the
 * route attributes of it.
 *
 * In: the marks of the candidate (the nearest row that says something) and the policy for unmarked ones. Out: yes or no,
 * and the tag. A mark that cannot be read is a fault: nothing is exposed on a guess.
 */
import { quote } from '../base/quote.ts';
import { TAG } from '../config/exposure-kinds.ts';
import { describeRow } from '../ovn/describe.ts';
import type { Mark, Marks } from '../ovn/topology.ts';
import type { ExposurePolicy } from './types.ts';
import type { Refusal, VerdictBuilder } from './verdict.ts';

export const EXPOSE_KEY = 'ovn-bgp-agent:expose';
export const TAG_KEY = 'ovn-bgp-agent:tag';

/** Why the candidate is not selected; `undefined` when it is. */
export function unselected(mark: Mark | undefined, policy: ExposurePolicy): Refusal | undefined {
  if (mark !== undefined) return refusedBy(mark);
  if (policy.exposeUnmarked) return undefined;
  const message = `external_ids:${EXPOSE_KEY} is not set, and expose_unmarked = false asks for it; set it to true`;
  return { code: 'not-selected', fault: false, message };
}

/** Why the mark keeps the candidate from being exposed; `undefined` when it says yes. */
export function refusedBy({ text, row }: Mark): Refusal | undefined {
  if (text === 'true') return undefined;
  if (text === 'false') {
    const message = `external_ids:${EXPOSE_KEY} of ${describeRow(row)} is false`;
    return { code: 'not-selected', fault: false, message };
  }
  const message = `external_ids:${EXPOSE_KEY} of ${describeRow(row)} is ${quote(text)}; set it to true or false`;
  return { code: 'bad-mark', fault: true, message };
}

/** The tag, if it is one; a bad one costs the route attributes, not the exposure. */
export function tagOf({ tag }: Marks, verdict: VerdictBuilder): string | undefined {
  if (tag === undefined || TAG.test(tag.text)) return tag?.text;
  const message =
    `external_ids:${TAG_KEY} of ${describeRow(tag.row)} is ${quote(tag.text)}; ` +
    'a tag has 1 to 32 letters, digits, "_", "." and "-": exposed without it';
  verdict.deny({ code: 'bad-mark', fault: true, message });
  return undefined;
}
