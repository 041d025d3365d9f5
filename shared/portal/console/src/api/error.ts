import { plural } from "../lib/text";
import type { Fault } from "./types";

/** ApiError is what went wrong with a request: a problem document, or status 0 if no answer came. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: Fault[] = [],
    /** Seconds to wait before the next try, if the answer said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }

  /** outcomeUnknown tells whether the request may have taken effect all the same. */
  get outcomeUnknown(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

export function isAbort(e: unknown): boolean {
  return e instanceof DOMException && e.name === "AbortError";
}

/** describe says what went wrong, for people. */
export function describe(e: unknown): string {
  if (e instanceof ApiError) {
    if (e.status === 401) {
      return "Your session has ended. Continue it with a new link or key, then try again.";
    }
    return e.retryAfter === null ? e.detail : `${e.detail} Wait ${plural(Math.max(1, e.retryAfter), "second")}, then try again.`;
  }
  return "Something went wrong in this page. Reload it and try again.";
}

/** networkError is a request without an answer. */
export function networkError(): ApiError {
  return new ApiError(0, "network", "No answer", "The service could not be reached. Check your connection and try again.");
}

/** problemFrom reads the answer to a request that failed. Not every hop between us and the API speaks in problem documents. */
export function problemFrom(status: number, body: string, retryAfterHeader: string | null, now: number): ApiError {
  const retryAfter = parseRetryAfter(retryAfterHeader, now);
  const fallback = fallbackDetail(status);
  let p: unknown;
  try {
    p = JSON.parse(body);
  } catch {
    p = null;
  }
  if (typeof p !== "object" || p === null) {
    return new ApiError(status, "unknown", "", fallback, [], retryAfter);
  }
  const o = p as Record<string, unknown>;
  return new ApiError(status, text(o["code"], "unknown"), text(o["title"], ""), text(o["detail"], fallback), faultsOf(o["errors"]), retryAfter);
}

function fallbackDetail(status: number): string {
  if (status === 429) {
    return "There were too many requests.";
  }
  return status >= 500 ? `Something went wrong on our side (status ${status}).` : `The request was refused (status ${status}).`;
}

function text(v: unknown, fallback: string): string {
  return typeof v === "string" && v !== "" ? v : fallback;
}

function faultsOf(v: unknown): Fault[] {
  if (!Array.isArray(v)) {
    return [];
  }
  return v.filter((f): f is Fault => typeof f?.location === "string" && typeof f?.message === "string");
}

/** parseRetryAfter returns the seconds of a Retry-After header, which holds seconds or a date. */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) {
    return null;
  }
  if (/^\s*\d+\s*$/.test(header)) {
    return Number(header);
  }
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}

/** FieldErrors maps a field's path ("url", "authHeader.name", "eventTypes[0]") to what is wrong with it. */
export type FieldErrors = ReadonlyMap<string, string>;

/** fieldErrors returns the faults of a request's body by field. Those of its headers and query belong to no field of a form. */
export function fieldErrors(e: unknown): FieldErrors {
  const errors = new Map<string, string>();
  if (!(e instanceof ApiError)) {
    return errors;
  }
  for (const { location, message } of e.errors) {
    const field = location === "body" ? "" : location.startsWith("body.") ? location.slice("body.".length) : null;
    if (field !== null && !errors.has(field)) {
      errors.set(field, inWords(message));
    }
  }
  return errors;
}

/** inWords says the faults that the API finds by its schema as it says the others. */
function inWords(message: string): string {
  const limit = /^expected (array )?length (>=|<=) (\d+)$/.exec(message);
  if (!limit) {
    return message;
  }
  const [, list, sign, n] = limit;
  if (sign === ">=") {
    return n === "1" ? (list ? "needs at least one" : "must not be empty") : `must have at least ${n}${list ? "" : " characters"}`;
  }
  return `must have at most ${n}${list ? "" : " characters"}`;
}

/** errorOf returns what is wrong with a field or anything in it ("eventTypes" has the error of "eventTypes[0]"). */
export function errorOf(errors: FieldErrors, field: string): string | undefined {
  for (const [path, message] of errors) {
    if (path === field || (path.startsWith(field) && /^[.[]/.test(path.slice(field.length)))) {
      return message;
    }
  }
  return undefined;
}

/** sentence joins a field's label and the API's message, most of which are predicates ("must be https"). */
export function sentence(label: string, message: string): string {
  const verb = /^(must|is|are|has|have|holds|makes|names|needs|can't|cannot|may|follows|was|does)\b/.test(message);
  const end = /[.!?]$/.test(message) ? "" : ".";
  return verb ? `${label} ${message}${end}` : `${label}: ${message}${end}`;
}
