import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, isAbort } from "./api/error";
import { present } from "./presence";

export interface Data<T> {
  /** The latest value; it stays while a newer one is loaded and when that fails. */
  value: T | undefined;
  /** Why the latest load failed; undefined when it did not. */
  error: unknown;
  /** Whether a load is under way. */
  loading: boolean;
  reload: () => void;
  /** Puts in a value that came another way, the answer to an action say. */
  set: (value: T) => void;
}

interface DataOptions<T> {
  /** After how many milliseconds to load again while somebody is present; null not to. */
  poll?: (value: T | undefined) => number | null;
}

/**
 * useData loads on mount, again when deps change, and as often as poll says. What is under way is aborted when the
 * component goes.
 */
export function useData<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[], o: DataOptions<T> = {}): Data<T> {
  const [state, setState] = useState<{ value: T | undefined; error: unknown; loading: boolean }>({
    value: undefined,
    error: undefined,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const loaded = useRef(deps);
  const running = useRef<AbortController | null>(null);

  useEffect(() => {
    const abort = new AbortController();
    running.current = abort;
    const fresh = !sameDeps(loaded.current, deps);
    loaded.current = deps;
    setState((s) => ({ value: fresh ? undefined : s.value, error: fresh ? undefined : s.error, loading: true }));
    latest
      .current(abort.signal)
      .then((value) => !abort.signal.aborted && setState({ value, error: undefined, loading: false }))
      .catch((error: unknown) => {
        if (!abort.signal.aborted && !isAbort(error)) {
          setState((s) => ({ ...s, error, loading: false }));
        }
      });
    return () => abort.abort();
  }, [turn, ...deps]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((value: T) => {
    running.current?.abort();
    setState({ value, error: undefined, loading: false });
  }, []);

  const wait = pause(o.poll?.(state.value) ?? null, state.error);
  useEffect(() => {
    if (wait === null || state.loading) {
      return;
    }
    return whenDue(wait, reload);
  }, [wait, state.loading, state.value, state.error]);

  return { ...state, reload, set };
}

/** After a failure the next load takes at least this long, or as long as the answer asked for. */
const pauseAfterFailure = 5_000;

function pause(wait: number | null, error: unknown): number | null {
  if (wait === null || error === undefined) {
    return wait;
  }
  const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
  return Math.max(wait, pauseAfterFailure, asked);
}

function sameDeps(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
}

/** whenDue calls run after ms at least, when somebody is present. It returns what stops it. */
function whenDue(ms: number, run: () => void): () => void {
  let stop = () => {};
  const timer = setTimeout(() => {
    stop = present.subscribe((is) => is && run());
  }, ms);
  return () => {
    clearTimeout(timer);
    stop();
  };
}

export interface Action<A extends unknown[], R> {
  running: boolean;
  error: unknown;
  /** Runs it, unless it runs already. It returns null when it failed (then error says why), or when the page was left meanwhile. */
  run: (...args: A) => Promise<{ value: R } | null>;
  clear: () => void;
}

/** useAction runs something that a user asks for: one at a time, its error kept to be shown where it was pressed. */
export function useAction<A extends unknown[], R>(act: (...args: A) => Promise<R>): Action<A, R> {
  const [state, setState] = useState<{ running: boolean; error: unknown }>({ running: false, error: undefined });
  const latest = useRef(act);
  latest.current = act;
  const busy = useRef(false);
  const gone = useRef(false);
  useEffect(() => () => void (gone.current = true), []);

  const run = useCallback(async (...args: A): Promise<{ value: R } | null> => {
    if (busy.current) {
      return null;
    }
    busy.current = true;
    setState({ running: true, error: undefined });
    try {
      const value = await latest.current(...args);
      busy.current = false;
      if (gone.current) {
        return null;
      }
      setState({ running: false, error: undefined });
      return { value };
    } catch (error) {
      busy.current = false;
      if (!gone.current) {
        setState({ running: false, error });
      }
      return null;
    }
  }, []);
  const clear = useCallback(() => setState((s) => ({ ...s, error: undefined })), []);
  return { ...state, run, clear };
}

/** useNow returns the time, anew every `every` milliseconds. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
