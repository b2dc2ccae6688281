import { describe, expect, it } from 'vitest';
import { holderText, lockNamespace } from './namespace-lock.ts';

describe('the lock of a network namespace', () => {
  it('is had by one, told with its process, and free again afterwards', async () => {
    const name = `lock-test-${process.pid}`;
    const first = await lockNamespace(name);
    expect(first.kind).toBe('held');
    const second = await lockNamespace(name);
    // Whoever runs this test without privileges is no agent either.
    expect(second.kind).toMatch(/busy|squatted/);
    if (second.kind === 'held' || first.kind !== 'held') return;
    expect(second.holder.pid).toBe(process.pid);
    expect(holderText(second.holder)).toContain(`process ${process.pid} (`);
    await first.release();
    const third = await lockNamespace(name);
    expect(third.kind).toBe('held');
    if (third.kind === 'held') await third.release();
  });

  it('has one name each', async () => {
    const locks = await Promise.all(['a', 'b'].map((name) => lockNamespace(`${name}-${process.pid}`)));
    expect(locks.map(({ kind }) => kind)).toEqual(['held', 'held']);
    for (const lock of locks) if (lock.kind === 'held') await lock.release();
  });

  it('says so when its holder cannot be seen', () => {
    expect(holderText({})).toMatch(/cannot be seen/);
  });
});
