/** Tables that name tests by their titles: whether such a test is there. Pure. */

/** True when a test of this title is in the text of a test file; as the end of a title, for a comment is no test. */
export function hasTitle(text: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => text.includes(`${title}${quote}`));
}
