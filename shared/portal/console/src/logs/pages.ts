import type { Delivery, List } from "../api/types";

/** Log is the part of a list that has been loaded: newest first, without holes. */
export interface Log {
  items: readonly Delivery[];
  /** What continues it; null at its end. */
  cursor: string | null;
}

export const emptyLog: Log = { items: [], cursor: null };

export const logOf = (page: List<Delivery>): Log => ({ items: sorted(page.items), cursor: page.nextCursor });

/** append adds the page that the log's cursor leads to. */
export function append(log: Log, page: List<Delivery>): Log {
  const added = new Set(page.items.map((d) => d.id));
  return { items: sorted([...log.items.filter((d) => !added.has(d.id)), ...page.items]), cursor: page.nextCursor };
}

/**
 * refresh brings a log up to date with a newer first page of it: what is new is put in its place, what has changed is
 * changed, what is no longer in the list goes. If so much is new that the page does not reach the log, the log begins anew.
 */
export function refresh(log: Log, first: List<Delivery>): Log {
  if (first.nextCursor === null) {
    return logOf(first);
  }
  const last = sorted(first.items).at(-1);
  if (last === undefined) {
    // The page says nothing: what is in the list may lie behind it.
    return log;
  }
  const top = log.items[0];
  if (top === undefined || last.id > top.id) {
    return logOf(first);
  }
  return { items: sorted([...first.items, ...log.items.filter((d) => d.id < last.id)]), cursor: log.cursor };
}

/** changed takes over what is new about the deliveries that are shown already, and nothing else. */
export function changed(log: Log, first: List<Delivery>): Log {
  const now = new Map(first.items.map((d) => [d.id, d]));
  return { items: log.items.map((d) => now.get(d.id) ?? d), cursor: log.cursor };
}

/** unseen counts what refresh would add to the log, and says whether there may be more. */
export function unseen(log: Log, first: List<Delivery>): { count: number; more: boolean } {
  const shown = new Set(log.items.map((d) => d.id));
  const count = first.items.filter((d) => !shown.has(d.id)).length;
  return { count, more: count > 0 && count === first.items.length && first.nextCursor !== null };
}

/** since leaves out what is older than a preset of the time reaches by now. */
export function since(log: Log, from: number | null): Log {
  return from === null ? log : { ...log, items: log.items.filter((d) => Date.parse(d.createdAt) >= from) };
}

/** sorted puts the newest first: ids begin with the time, and lists are in their order. */
function sorted(items: readonly Delivery[]): Delivery[] {
  return [...items].sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
}

/** moves tells whether a delivery is on its way. */
export function moves(d: Delivery): boolean {
  return d.state === "pending" || d.resendRequestedAt !== null;
}
