/** limiter runs at most n things at once; the others wait in their order. A signal takes its thing out of the queue. */
export function limiter(n: number): <T>(run: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async (run, signal) => {
    if (running >= n) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      signal?.throwIfAborted();
      return await run();
    } finally {
      // The place goes to the next, or is free.
      const next = waiting.shift();
      if (next) {
        next();
      } else {
        running--;
      }
    }
  };
}
