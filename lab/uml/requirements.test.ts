import { describe, expect, it } from 'vitest';
import { bootHint, missingForGuests } from './requirements.ts';

describe('what guests need', () => {
  it('names memory that is not there, and what to do', async () => {
    // More than any machine has.
    expect(await missingForGuests({ memoryMb: 2 ** 40, ownBinary: true })).toMatch(
      /MiB left.*remount.*--memory|\/dev\/net\/tun/,
    );
  });
});

describe('why a guest did not boot', () => {
  it.each([
    // What Debian's kernel 7.2 says where both system calls are refused.
    ['ptrace: Operation not permitted\ncheck_ptrace : expected SIGSTOP, got status = 9', /SYS_PTRACE/],
    ['SECCOMP userspace requested but not functional!', /SYS_PTRACE/],
    ['Checking PROT_EXEC mmap in /dev/shm...Operation not permitted', /noexec/],
  ])('%s', (said, hint) => {
    expect(bootHint(said)).toMatch(hint);
  });

  it('makes nothing up', () => {
    expect(bootHint('Kernel panic - not syncing: No working init found.')).toBeUndefined();
  });
});
