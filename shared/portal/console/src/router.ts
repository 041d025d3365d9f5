import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { parseHash, type Route } from "./lib/routes";
import { takeOver } from "./lib/token";
import { arrive, place } from "./session";

export { link } from "./lib/routes";
export type { Route } from "./lib/routes";

/** route is the page that is shown. It lags behind the address while a form with unsaved changes asks whether to leave. */
export const route = signal<Route>(parseHash(""));

/** leaving is what waits for the answer to "leave this page?"; null if nothing does. */
export const leaving = signal<(() => void) | null>(null);

let shown = "";
const guards = new Set<Guard>();

/** Guard is something on a page that is lost when it is left. */
interface Guard {
  /** What would be lost, as a sentence. */
  text: string;
  /** Drops what is kept of it. */
  discard: () => void;
}

/** losing says what is lost if one leaves now. */
export function losing(): string {
  return [...guards].map((g) => g.text).join(" ");
}

/** start reads the address, takes a token out of it, and follows it from then on. */
export function start(): void {
  takeToken(true);
  show(location.hash);
  addEventListener("hashchange", () => {
    takeToken(false);
    if (location.hash === shown) {
      return;
    }
    if (guards.size === 0) {
      show(location.hash);
      return;
    }
    const to = location.hash;
    leaving.value = () => navigate(to);
    // The address of what is shown; the one that was asked for is remembered.
    history.replaceState(null, "", shown || "#");
  });
}

/** takeToken takes a session's token out of the address bar at once, and goes on where one was. */
function takeToken(starting: boolean): void {
  const taken = takeOver(location.hash);
  if (taken) {
    history.replaceState(null, "", location.pathname + location.search + (taken.hash || shown || place.get()));
    arrive(taken, starting);
  }
}

function show(hash: string): void {
  shown = hash;
  place.set(hash);
  route.value = parseHash(hash);
}

/** navigate goes to a page's address (see link). What it asks about unsaved changes, a link asks as well. */
export function navigate(hash: string, how: { replace?: boolean } = {}): void {
  if (!how.replace) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, "", hash);
  show(hash);
}

/** stay keeps the page that is shown. */
export function stay(): void {
  leaving.value = null;
}

/** guarded does something that ends the page, after asking if there is something to lose. */
export function guarded(end: () => void): void {
  if (guards.size === 0) {
    end();
  } else {
    leaving.value = end;
  }
}

/** leave gives up unsaved changes and does what waited for it. */
export function leave(): void {
  const end = leaving.value;
  leaving.value = null;
  giveUp();
  end?.();
}

/** giveUp drops all that would be lost, so that nothing asks about it any more. */
export function giveUp(): void {
  for (const { discard } of guards) {
    discard();
  }
  guards.clear();
}

/** useLeaveGuard asks before the page is left, as long as there is something to lose. */
export function useLeaveGuard(active: boolean, text: string, discard: () => void = () => {}): void {
  const latest = useRef(discard);
  latest.current = discard;
  // At once: one may leave in the same moment.
  useLayoutEffect(() => {
    if (!active) {
      return;
    }
    const guard = { text, discard: () => latest.current() };
    const beforeUnload = (e: BeforeUnloadEvent) => {
      if (guards.has(guard)) {
        e.preventDefault();
      }
    };
    guards.add(guard);
    addEventListener("beforeunload", beforeUnload);
    return () => {
      guards.delete(guard);
      removeEventListener("beforeunload", beforeUnload);
    };
  }, [active, text]);
}
