/** Counting tests over all parts. Pure: reports in, table out. */

/** Result of one part: `{ passed, failed, skipped, note?, missing? }`. */
export function passed(count) {
  return { passed: count, failed: 0, skipped: 0 };
}

export function failed(count, note) {
  return { passed: 0, failed: count, skipped: 0, note };
}

/** A part that cannot run here; how it counts is decided by the table. */
export function missing(reason) {
  return { passed: 0, failed: 0, skipped: 0, note: `cannot run: ${reason}`, missing: true };
}

/**
 * Reads vitest's JSON report. A file that could not be loaded has no tests, and still is a failure; so is a run that
 * ended badly although no test failed (an unhandled error), and a run that found no test.
 */
export function readReport(text, status) {
  const report = JSON.parse(text);
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const counted = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
  if (counted.passed + counted.failed === 0) return { ...counted, failed: 1, note: 'no test was run' };
  if (counted.failed === 0 && status !== 0) {
    return { ...counted, failed: 1, note: `vitest ended with status ${status}` };
  }
  return broken.length === 0 ? counted : { ...counted, note: `${broken.length} file(s) could not be run` };
}

/** The table, and as its last line the sum. */
export function verdictTable(results, allowMissing) {
  const counted = results.map((result) =>
    result.missing === true && !allowMissing ? { ...result, failed: 1 } : result,
  );
  const rows = counted.map((result) => [
    result.name,
    result.failed > 0 ? 'FAILED' : result.missing === true ? 'left out' : 'passed',
    `${result.passed}`,
    `${result.failed}`,
    `${result.skipped}`,
    `${(result.ms / 1000).toFixed(1)} s`,
    result.note ?? '',
  ]);
  const table = [['PART', 'VERDICT', 'PASSED', 'FAILED', 'SKIPPED', 'TIME', ''], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  const sum = (key) => counted.reduce((total, result) => total + result[key], 0);
  const [good, bad] = [sum('passed'), sum('failed')];
  return { lines: [...lines, '', `${good} passed, ${bad} failed`], good: bad === 0 && good > 0 };
}
