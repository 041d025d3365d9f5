import { deliveryStates, eventTypeNames, type DeliveryFilter, type DeliveryState, type EventTypeName } from "../api/types";

/** The presets of the time, and how long ago each begins. */
export const spans = { "1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000 } as const;
export type Span = keyof typeof spans;

/** Filter is what a log is narrowed to, as it stands in the page's address. */
export interface Filter {
  state?: DeliveryState;
  eventType?: EventTypeName;
  verificationId?: string;
  /** A preset, or a range of one's own from since to until. */
  time?: Span | "range";
  since?: string;
  until?: string;
}

const maxVerificationId = 1024;

/** readFilter reads a filter from an address. What it can't be is left out: addresses are edited by hand. */
export function readFilter(query: URLSearchParams): Filter {
  const filter: Filter = {};
  const state = deliveryStates.find((s) => s === query.get("state"));
  if (state) {
    filter.state = state;
  }
  const eventType = eventTypeNames.find((t) => t === query.get("eventType"));
  if (eventType) {
    filter.eventType = eventType;
  }
  const verificationId = query.get("verificationId")?.trim();
  if (verificationId && verificationId.length <= maxVerificationId) {
    filter.verificationId = verificationId;
  }
  const time = query.get("time") ?? "";
  const since = readTime(query.get("since"));
  const until = readTime(query.get("until"));
  if (Object.hasOwn(spans, time)) {
    filter.time = time as Span;
  } else if (time === "range" || since || until) {
    filter.time = "range";
    Object.assign(filter, since && { since }, until && { until });
  }
  return filter;
}

function readTime(text: string | null): string | undefined {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) || at < 0 ? undefined : new Date(at).toISOString();
}

/** addressOf is the filter for link.logs. */
export function addressOf(filter: Filter): Record<string, string | undefined> {
  const range = filter.time === "range";
  return {
    state: filter.state,
    eventType: filter.eventType,
    verificationId: filter.verificationId?.trim(),
    // Its ends say that it is a range; without one it says so itself.
    time: range && (filter.since || filter.until) ? undefined : filter.time,
    since: range ? filter.since : undefined,
    until: range ? filter.until : undefined,
  };
}

export function isEmpty(filter: Filter): boolean {
  return Object.values(askedFor(filter, 0)).length === 0;
}

/** isDeep tells whether the API has to look at deliveries that it then does not list. */
export function isDeep(filter: Filter): boolean {
  return Boolean(filter.state ?? filter.eventType ?? filter.verificationId);
}

/** askedFor is the filter for the API. A cursor is good for exactly this one, so a preset's beginning is fixed by now. */
export function askedFor(filter: Filter, now: number): DeliveryFilter {
  const asked: DeliveryFilter = {};
  if (filter.state) {
    asked.state = filter.state;
  }
  if (filter.eventType) {
    asked.eventType = filter.eventType;
  }
  if (filter.verificationId) {
    asked.verificationId = filter.verificationId;
  }
  const since = filter.time && filter.time !== "range" ? new Date(now - spans[filter.time]).toISOString() : filter.since;
  if (since) {
    asked.since = since;
  }
  if (filter.until) {
    asked.until = filter.until;
  }
  return asked;
}

/** rangeFault says what is wrong with a range; null if nothing is. */
export function rangeFault(filter: Filter): string | null {
  return filter.since && filter.until && filter.since >= filter.until ? "The end must be later than the beginning." : null;
}

/** inputOf is a time for an input of type datetime-local, which here means UTC, as all times of the page do. */
export function inputOf(at: string | undefined): string {
  return at ? at.slice(0, 16) : "";
}

/** fromInput reads such an input; undefined for an empty or unfinished one. */
export function fromInput(text: string): string | undefined {
  return text === "" ? undefined : readTime(text + "Z");
}
