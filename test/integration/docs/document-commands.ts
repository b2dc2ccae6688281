/** The commands of the documents: every line of a `sh` block, and what is to be made of each. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const PROJECT = resolve(import.meta.dirname, '../../..');

export interface DocumentCommand {
  /** Relative to the project. */
  readonly file: string;
  readonly line: number;
  /** Without the comment behind it. */
  readonly text: string;
}

/** Of the README, of what contributors read, and of everything below docs/ and the libraries. */
export function documentCommands(): readonly DocumentCommand[] {
  const files = [
    ...['README.md', 'CONTRIBUTING.md', 'lab/README.md'].map((name) => join(PROJECT, name)),
    ...readdirSync(join(PROJECT, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(PROJECT, 'docs', name)),
  ];
  return files.sort().flatMap(commandsOf);
}

function commandsOf(path: string): readonly DocumentCommand[] {
  const commands: DocumentCommand[] = [];
  let inside: 'sh' | 'other' | undefined;
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (fence !== null) {
      inside = inside === undefined ? (fence[1] === 'sh' ? 'sh' : 'other') : undefined;
      continue;
    }
    const text = line.replace(/(?:^|\s)#.*$/, '').trim();
    if (inside === 'sh' && text !== '') {
      commands.push({ file: relative(PROJECT, path), line: index + 1, text });
    } else if (inside === 'other' && /^(?:\$ |(?:sudo )?(?:ovn-|ovs-|npm |vtysh|bin\/))/.test(line)) {
      // A command in a block that is not marked as commands would be seen by nobody.
      throw new Error(`${relative(PROJECT, path)}:${index + 1}: a command outside of a "sh" block`);
    }
  }
  return commands;
}

/** Scripts of package.json. */
export function npmScripts(): ReadonlySet<string> {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  return new Set(Object.keys(scripts));
}

export interface NotRun {
  readonly pattern: RegExp;
  /** Why it is not run here, and what shows that it works. */
  readonly reason: string;
}

/** Commands that this suite does not run. */
export const NOT_RUN: readonly NotRun[] = [
  { pattern: /^npm (?:ci|test\b)/, reason: 'installs, or runs this very suite' },
  {
    pattern: /^npm run (?:demo|test:\w+|build:native|bench)\b/,
    reason: 'minutes long; the names of scripts are checked',
  },
  { pattern: /^npm run lab\b/, reason: 'makes a lab; lab/*.test.ts and test/e2e use the same commands' },
  { pattern: /^node bench\/run\.mjs\b/, reason: 'minutes long' },
  { pattern: /^systemctl\b/, reason: 'services of the machine are not ours' },
  { pattern: /^bin\/ovn-bgp-agent run\b/, reason: 'runs until it is stopped: test/integration/agent' },
  { pattern: /^ovn-bgp-agent local-ovn\b/, reason: 'starts programs: test/integration/local-ovn' },
  { pattern: /^ovn-bgp-agent plan$/, reason: 'the plan of a node of method ovn: test/integration/local-ovn' },
];
