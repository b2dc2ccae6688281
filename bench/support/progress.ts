/** One line a step on standard error, so that results on standard output stay clean. */
const started = performance.now();

export function progress(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(4);
  process.stderr.write(`${seconds} s  ${text}\n`);
}
