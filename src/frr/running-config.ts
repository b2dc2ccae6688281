/**
 * The text of `show running-config` as a tree.
 *
 * In: what a daemon or vtysh prints. Out: one node a line, the lines of a context below its header. Pure and total: a
 * line that it does not know is a node like any other. FRR indents by one space a level, which says more reliably where
 * a line belongs than a list of the keywords that open a context; `exit`, `exit-address-family`, `end` and `!` only close.
 */

export interface ConfigNode {
  /** Without indentation, words separated by single spaces. */
  readonly line: string;
  readonly children: readonly ConfigNode[];
}

const CLOSING = /^(?:exit(?:-[a-z0-9-]+)?|end|!.*)$/;
const BANNER = /^(?:Building configuration\.\.\.|Current configuration:)$/;

export function parseRunningConfig(text: string): readonly ConfigNode[] {
  interface Open {
    readonly indent: number;
    readonly children: ConfigNode[];
  }
  const root: ConfigNode[] = [];
  const open: Open[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim().replace(/\s+/g, ' ');
    const indent = raw.length - raw.trimStart().length;
    if (line === '' || CLOSING.test(line) || BANNER.test(line)) continue;
    while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
    const children: ConfigNode[] = [];
    (open.at(-1)?.children ?? root).push({ line, children });
    open.push({ indent, children });
  }
  return root;
}
