/** One lab for all files of scenarios about routers: the first file that asks brings it up, the end of the run takes it down. */
import type { TestProject } from 'vitest/node';
import { Lab } from '../../lab/lab.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Name of the lab that the files share. */
    readonly sharedLab: string;
  }
}

export function setup(project: TestProject): () => Promise<void> {
  // Other runs of the tests may be under way on the machine.
  const name = `e2e-${process.pid}`;
  project.provide('sharedLab', name);
  return async () => {
    await Lab.down(name);
  };
}
