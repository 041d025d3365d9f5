import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { isAbort } from "../api/error";
import type { Delivery, DeliveryFilter, List } from "../api/types";
import { useAction, useData, type Action, type Data } from "../hooks";
import { addressOf, askedFor, isDeep, spans, type Filter } from "./filter";
import { append, changed, logOf, moves, refresh, since, unseen, type Log } from "./pages";

/** How often the first page is loaded again. A filter may make the API look at many deliveries that it does not list. */
const every = { moving: 2_000, calm: 5_000, deep: 10_000 };

/** searchedAtOnce is how many pages without a match are asked for before somebody has to want more. */
const searchedAtOnce = 5;

interface State {
  key: string;
  log: Log;
  /** The newest first page, while it is not merged because somebody reads further down. */
  held: List<Delivery> | null;
  /** Whether the last search for older ones ended without finding any or the end. */
  stalled: boolean;
}

/** Kept is a log that was left for one of its deliveries, so that one comes back to where one was. */
interface Kept {
  key: string;
  address: string;
  asked: DeliveryFilter;
  log: Log;
  scroll: number;
  delivery: string;
}

let kept: Kept | null = null;

/** addressOfLog is the address of the log that a delivery was opened from, with its filter; else the webhook's whole log. */
export function addressOfLog(log: string): string {
  return kept !== null && (kept.address === log || kept.address.startsWith(log + "?")) ? kept.address : log;
}

export interface LogView {
  /** What is loaded of it; it is there when the first page is. */
  data: Omit<Data<Log>, "set">;
  older: Action<[], void>;
  stalled: boolean;
  /** What is new and not shown yet. */
  unseen: { count: number; more: boolean };
  showUnseen: () => void;
  /** Told whether the beginning of the list can be seen: only then is anything put in there. */
  atTop: (top: boolean) => void;
  /** To be called when a delivery is opened. */
  leave: (delivery: string) => void;
  /** Where one was who comes back from a delivery. */
  back: { scroll: number; delivery: string } | null;
}

/** useLog loads a webhook's log from its newest end on, and keeps that end up to date while live. */
export function useLog(id: string, filter: Filter, live: boolean): LogView {
  const key = JSON.stringify([id, addressOf(filter)]);
  const [back] = useState(kept?.key === key ? kept : null);
  const asked = useMemo(() => (back?.key === key ? back.asked : askedFor(filter, Date.now())), [key]);
  const [state, setState] = useState<State | null>(back && { key, log: back.log, held: null, stalled: false });
  const top = useRef(back === null);
  const abort = useRef<AbortController | null>(null);

  const first = useData((signal) => api.listDeliveries(id, asked, null, signal), [key], {
    poll: (page) => (!live ? null : page?.items.some(moves) ? every.moving : isDeep(filter) ? every.deep : every.calm),
  });
  const from = () => (filter.time && filter.time !== "range" ? Date.now() - spans[filter.time] : null);
  const merged = (s: State, page: List<Delivery>): State => ({ ...s, log: since(refresh(s.log, page), from()), held: null });

  useEffect(() => {
    const page = first.value;
    if (page === undefined) {
      return;
    }
    setState((s) => {
      if (s?.key !== key) {
        return { key, log: logOf(page), held: null, stalled: false };
      }
      return top.current ? merged(s, page) : { ...s, log: changed(s.log, page), held: page };
    });
  }, [first.value]);

  useEffect(() => () => abort.current?.abort(), [key]);
  useEffect(() => void (kept = null), []);

  const current = state?.key === key ? state : null;
  const older = useAction(async () => {
    if (current === null) {
      return;
    }
    abort.current = new AbortController();
    await search(current.log.cursor, (cursor) => api.listDeliveries(id, asked, cursor, abort.current?.signal), (page, cursor, stalled) =>
      setState((s) => (s?.key === key && s.log.cursor === cursor ? { ...s, log: append(s.log, page), stalled } : s)),
    );
  });
  const showUnseen = () => setState((s) => (s?.key === key && s.held ? merged(s, s.held) : s));
  return {
    data: { value: current?.log, error: first.error, loading: first.loading, reload: first.reload },
    older,
    stalled: current?.stalled ?? false,
    unseen: current?.held ? unseen(current.log, current.held) : { count: 0, more: false },
    showUnseen,
    atTop: (is) => {
      top.current = is;
      if (is) {
        showUnseen();
      }
    },
    leave: (delivery) => {
      if (current) {
        kept = { key, address: location.hash, asked, log: current.log, scroll: scrollY, delivery };
      }
    },
    back,
  };
}

/** search asks for older pages until one has something, the end is reached, or it has asked often enough. */
async function search(
  from: string | null,
  load: (cursor: string) => Promise<List<Delivery>>,
  found: (page: List<Delivery>, cursor: string, stalled: boolean) => void,
): Promise<void> {
  try {
    let cursor = from;
    for (let i = 1; cursor !== null; i++) {
      const page = await load(cursor);
      const nothing = page.items.length === 0 && page.nextCursor !== null;
      found(page, cursor, nothing && i >= searchedAtOnce);
      if (!nothing || i >= searchedAtOnce) {
        return;
      }
      cursor = page.nextCursor;
    }
  } catch (e) {
    // Another filter was chosen meanwhile.
    if (!isAbort(e)) {
      throw e;
    }
  }
}
