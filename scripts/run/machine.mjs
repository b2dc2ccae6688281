/** What a command needs of the machine, with a message that says what to do where it is not there. */
import { readFileSync } from 'node:fs';
import { capture, Failure, PROJECT } from './process.mjs';

/** The minimum is that of package.json. */
export function requireNode() {
  const { engines } = JSON.parse(readFileSync(`${PROJECT}/package.json`, 'utf8'));
  const wanted = engines.node.replace('>=', '').split('.').map(Number);
  const found = process.versions.node.split('.').map(Number);
  const difference = wanted.map((part, index) => (found[index] ?? 0) - part).find((part) => part !== 0) ?? 0;
  if (difference < 0) {
    throw new Failure(
      `Node.js ${engines.node} is needed, this is ${process.versions.node}: install a newer one`,
    );
  }
}

export function requireRoot() {
  const reason = notRoot();
  if (reason !== undefined) throw new Failure(reason);
}

function notRoot() {
  if (process.platform !== 'linux') return `Linux is needed, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'root is needed for network namespaces: run the command as root';
  return undefined;
}

/** Why namespaces cannot be made here; `undefined` when they can. */
export async function noNamespaces() {
  const reason = notRoot();
  if (reason !== undefined) return reason;
  const { code, output } = await capture('unshare', ['--net', '--mount', '--uts', '--pid', '--fork', 'true']);
  return code === 0 ? undefined : `this machine does not let root make namespaces: ${output.trim()}`;
}

/** Debian or something made from it: apt-get can install what is missing. */
export function isDebian() {
  let text;
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return false;
  }
  return /^ID(?:_LIKE)?=.*\bdebian\b/m.test(text);
}
