/**
 * Measures the longest turn of the event loop by letting turns follow each other without pause. A turn counts with its
 * time or with the processor time of the process, whichever is less: while others had the processor, the loop was not
 * held by this program.
 */
export interface LoopHold {
  readonly heldMs: number;
  readonly turnMs: number;
}

export function watchLoop(): { stop(): LoopHold } {
  const processorMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  let lastTime = performance.now();
  let lastProcessor = processorMs();
  let heldMs = 0;
  let turnMs = 0;
  let running = true;
  const turn = (): void => {
    const [time, processor] = [performance.now(), processorMs()];
    turnMs = Math.max(turnMs, time - lastTime);
    heldMs = Math.max(heldMs, Math.min(time - lastTime, processor - lastProcessor));
    [lastTime, lastProcessor] = [time, processor];
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop: () => {
      running = false;
      return { heldMs, turnMs };
    },
  };
}
