import type { Delivery } from "../api/types";

/** countdown says in how long something is due: "in 7 s", "in 2 min 5 s", "in 3 h 20 min", "due now". */
export function countdown(at: number, now: number): string {
  const s = Math.ceil((at - now) / 1000);
  if (s <= 0) {
    return "due now";
  }
  if (s < 60) {
    return `in ${s} s`;
  }
  const [whole, rest, unit, small] = s < 3600 ? [Math.floor(s / 60), s % 60, "min", "s"] : [Math.floor(s / 3600), Math.floor((s % 3600) / 60), "h", "min"];
  return rest === 0 ? `in ${whole} ${unit}` : `in ${whole} ${unit} ${rest} ${small}`;
}

/** next is what comes next for a delivery by itself. */
export type Next = { kind: "none" } | { kind: "resend" } | { kind: "attempt"; at: number } | { kind: "sending" };

export function nextOf(d: Delivery): Next {
  if (d.resendRequestedAt !== null) {
    return { kind: "resend" };
  }
  if (d.state !== "pending") {
    return { kind: "none" };
  }
  return d.nextAttemptAt === null ? { kind: "sending" } : { kind: "attempt", at: Date.parse(d.nextAttemptAt) };
}

/** loadAgainIn is after how many milliseconds something about a delivery may have changed. */
export function loadAgainIn(d: Delivery, now: number): number {
  const next = nextOf(d);
  switch (next.kind) {
    case "resend":
    case "sending":
      return 1000;
    case "attempt":
      // A little after it is due; while it is far off the webhook may be switched off or the delivery be sent by hand.
      return Math.min(Math.max(next.at + 500 - now, 1000), 10_000);
    case "none":
      return d.state === "held" ? 10_000 : 30_000;
  }
}
