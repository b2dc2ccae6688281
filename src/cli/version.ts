/** The version of the package, for `--version` and the log. */
import { readFileSync } from 'node:fs';

export const VERSION: string = readVersion();

/** The sources run from `src/cli`, the build from `dist/src/cli`: the package is two or three levels up. */
function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
    } catch {
      // Not there: the other layout.
    }
  }
  return 'unknown';
}
