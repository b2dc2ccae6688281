/**
 * A network namespace of one test: made by ip(8), gone with everything in it at the end.
 *
 * `ip` and `bridge` run inside; they are the second opinion that the library is compared with.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type LinkData, openRtnetlink } from '../../../src/netlink/index.ts';

export class Namespace {
  readonly name: string;

  constructor(name = `nl-${process.pid}-${randomBytes(3).toString('hex')}`) {
    this.name = name;
    execFileSync('ip', ['netns', 'add', this.name]);
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** Runs `ip` with these words, for example `ip('route add 10.0.0.0/8 dev a')`. */
  ip(line: string): string {
    return execFileSync('ip', ['-n', this.name, ...line.split(' ')], {
      encoding: 'utf8',
      maxBuffer: 1 << 27,
    });
  }

  /** What `ip -json -details` prints; array elements without their empty objects. */
  ipJson(line: string): Record<string, unknown>[] {
    return parse(this.ip(`-json -details ${line}`));
  }

  bridgeJson(line: string): Record<string, unknown>[] {
    const words = ['-n', this.name, '-json', ...line.split(' ')];
    return parse(execFileSync('bridge', words, { encoding: 'utf8' }));
  }

  /** Feeds lines to `ip -batch`. */
  ipBatch(lines: readonly string[]): void {
    execFileSync('ip', ['-n', this.name, '-batch', '-'], { input: lines.join('\n') });
  }

  remove(): void {
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

function parse(text: string): Record<string, unknown>[] {
  const all = JSON.parse(text === '' ? '[]' : text) as Record<string, unknown>[];
  return all.filter((one) => Object.keys(one).length > 0);
}

const KINDS: readonly LinkData['kind'][] = ['dummy', 'vrf', 'vlan', 'bridge', 'vxlan', 'veth'];

/** Link kinds that this kernel can create; asked in a namespace of its own. */
export async function supportedKinds(): Promise<ReadonlySet<LinkData['kind']>> {
  const namespace = new Namespace();
  const netlink = openRtnetlink({ netns: namespace.path });
  try {
    const answers = await Promise.all(
      KINDS.map(async (kind) => ({ kind, supported: await netlink.supportsLinkKind(kind) })),
    );
    return new Set(answers.filter(({ supported }) => supported).map(({ kind }) => kind));
  } finally {
    netlink.close();
    namespace.remove();
  }
}

/** The words for a test that this kernel cannot run: part of its name, so that every report shows them. */
export function unless(kinds: ReadonlySet<string>, ...needed: readonly LinkData['kind'][]): string {
  const missing = needed.filter((kind) => !kinds.has(kind));
  if (missing.length === 0) return '';
  const reason = `SKIPPED: this kernel has no link kind ${missing.join(', ')}`;
  process.stderr.write(`netlink integration: ${reason}\n`);
  return ` (${reason})`;
}
