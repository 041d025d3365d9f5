// What the form for a recovery asks of the API.
import { eventTypeNames, recoverableStates, type EventTypeName, type Recover, type RecoverableState } from "../api/types";

export interface RecoveryForm {
  /** As a datetime-local field has it, in UTC: "2026-01-31T12:00". */
  since: string;
  /** Empty: until now. */
  until: string;
  states: RecoverableState[];
  /** Empty: all. */
  eventType: EventTypeName | "";
}

/** fieldTime is a time as a datetime-local field has it, in UTC. */
export function fieldTime(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

/** instant reads such a field; it may have seconds or not. */
function instant(field: string): string {
  return new Date(field + "Z").toISOString();
}

const day = 24 * 3600_000;

/** initialForm looks back one day unless the address says otherwise. */
export function initialForm(query: URLSearchParams, now: number): RecoveryForm {
  const since = Date.parse(query.get("since") ?? "");
  const asked = (query.get("states") ?? "").split(",");
  const states = recoverableStates.filter((s) => asked.includes(s));
  const eventType = eventTypeNames.find((t) => t === query.get("eventType")) ?? "";
  return { since: fieldTime(Number.isNaN(since) ? now - day : since), until: "", states: states.length > 0 ? states : ["exhausted"], eventType };
}

/** formFaults says what is wrong with a form before it is sent, by field. */
export function formFaults(form: RecoveryForm, now: number): Map<string, string> {
  const faults = new Map<string, string>();
  if (form.since === "") {
    faults.set("since", "Enter the date and the time to begin at.");
  } else if (Date.parse(form.since + "Z") >= now) {
    faults.set("since", "Must be in the past. Times are in UTC.");
  }
  if (form.until !== "" && form.since !== "" && form.until <= form.since) {
    faults.set("until", "Must be after the beginning.");
  }
  if (form.states.length === 0) {
    faults.set("states", "Choose at least one.");
  }
  return faults;
}

/** bodyOf is the request of a form. countedAt is when it was counted: an open end becomes that, so that what was counted is sent. */
export function bodyOf(form: RecoveryForm, dryRun: boolean, countedAt?: string): Recover {
  const body: Recover = { since: instant(form.since), states: form.states, dryRun };
  if (form.until !== "") {
    body.until = instant(form.until);
  } else if (countedAt !== undefined) {
    body.until = countedAt;
  }
  if (form.eventType !== "") {
    body.eventType = form.eventType;
  }
  return body;
}

/** otherJob finds the job in the API's message that another one is under way. */
export function otherJob(detail: string): string | null {
  return /\bjob_[0-9a-z]+/.exec(detail)?.[0] ?? null;
}
