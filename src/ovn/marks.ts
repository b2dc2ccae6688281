/** The operator's marks on rows, and which of several counts. */
import { EXPOSE_KEY, TAG_KEY } from './external-ids.ts';
import type { Marks, RowReference } from './topology.ts';

export const NO_MARKS: Marks = {};

/** What a row itself says. */
export function marksOf(ids: ReadonlyMap<string, string>, row: RowReference): Marks {
  const [expose, tag] = [ids.get(EXPOSE_KEY), ids.get(TAG_KEY)];
  if (expose === undefined && tag === undefined) return NO_MARKS;
  return {
    ...(expose === undefined ? {} : { expose: { text: expose, row } }),
    ...(tag === undefined ? {} : { tag: { text: tag, row } }),
  };
}

/** Of each mark the first that is there. */
export function nearestMarks(...marks: readonly Marks[]): Marks {
  const expose = marks.find((mark) => mark.expose !== undefined)?.expose;
  const tag = marks.find((mark) => mark.tag !== undefined)?.tag;
  if (expose === undefined && tag === undefined) return NO_MARKS;
  return { ...(expose === undefined ? {} : { expose }), ...(tag === undefined ? {} : { tag }) };
}
