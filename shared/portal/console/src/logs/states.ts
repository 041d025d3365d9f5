import type { Delivery, DeliveryState, ErrorCode, Webhook } from "../api/types";
import { link } from "../lib/routes";
import type { Tone } from "../ui/status";

interface StateName {
  word: string;
  tone: Tone;
  /** What it means. */
  hint: string;
}

export const stateNames: Record<DeliveryState, StateName> = {
  pending: { word: "Pending", tone: "info", hint: "on its way to your endpoint, or about to be tried again" },
  delivered: { word: "Delivered", tone: "good", hint: "accepted by your endpoint" },
  exhausted: { word: "Exhausted", tone: "bad", hint: "every attempt failed, nothing more is sent by itself" },
  held: { word: "Held", tone: "warn", hint: "not sent yet; it waits until the webhook is activated" },
  cancelled: { word: "Cancelled", tone: "neutral", hint: "discarded on your request" },
  undeliverable: { word: "Undeliverable", tone: "bad", hint: "could not be built or sent, for a reason that is not your endpoint's" },
  expired: { word: "Expired", tone: "neutral", hint: "held until the end of the time that events are held" },
};

const errorNames: Record<ErrorCode, string> = {
  dns_error: "Name not found",
  blocked_address: "Address not public",
  connection_refused: "Connection refused",
  connection_reset: "Connection closed",
  connect_timeout: "No connection",
  tls_error: "TLS error",
  timeout: "Timed out",
  http_status: "HTTP error",
  protocol_error: "Invalid HTTP",
  interrupted: "Interrupted",
};

/** resultName says in two words how an attempt ended. */
export function resultName(code: string | null, status: number | null): string {
  if (code === null || code === "http_status") {
    return status === null ? "No answer" : `HTTP ${status}`;
  }
  return Object.hasOwn(errorNames, code) ? errorNames[code as ErrorCode] : code;
}

export interface Explanation {
  text: string;
  /** The next step to take; none if nothing need be done. */
  step?: string;
  /** Where it is taken. */
  go?: { text: string; href: string };
}

/** explain says what a delivery's state means and what to do next. The webhook may not be known yet. */
export function explain(d: Delivery, webhookId: string, w: Webhook | undefined): Explanation {
  switch (d.state) {
    case "pending":
      return { text: pending(d) };
    case "delivered":
      return {
        text: d.lastErrorCode === null ? "Your endpoint accepted it." : "Your endpoint accepted it. A later attempt by hand failed, which changes nothing.",
      };
    case "exhausted":
      return exhausted(d, webhookId, w);
    case "held":
      return held(webhookId, w);
    case "undeliverable":
      return undeliverable(d, webhookId);
    case "cancelled":
      return { text: `${d.reason ?? "It was discarded."} It will not be sent, and can't be sent again.` };
    case "expired":
      return {
        text: "The webhook stayed inactive for longer than events are held. It is no longer sent by itself.",
        step: "You can still have it: resend it, or recover everything that expired.",
        go: { text: "Recover several", href: link.recover(webhookId) },
      };
  }
}

function pending(d: Delivery): string {
  if (d.nextAttemptAt === null) {
    return "It is being sent right now.";
  }
  return d.attempts === 0
    ? "It is about to be sent."
    : "The last attempt failed; the next one follows by itself. After a failed attempt there are up to five retries, 1, 2, 4, 8 and 16 seconds apart or more.";
}

function exhausted(d: Delivery, webhookId: string, w: Webhook | undefined): Explanation {
  const text = "Every attempt failed, so it is no longer sent by itself.";
  if (w?.deactivation?.reason === "failures" && w.deactivation.deliveryId === d.id) {
    return {
      text: `${text} This switched the webhook off, and later events are held.`,
      step: "Repair what the last attempt says, then activate the webhook: that sends this event again and everything that was held after it.",
      go: { text: "Go to the webhook to activate it", href: link.webhook(webhookId) },
    };
  }
  return {
    text,
    step: "Repair what the last attempt says, then resend it. If several failed, recover them all at once.",
    go: { text: "Recover several", href: link.recover(webhookId) },
  };
}

function held(webhookId: string, w: Webhook | undefined): Explanation {
  if (w?.active) {
    return { text: "It was held while the webhook was inactive. The webhook is active again: what was held is sent one after the other, the oldest first." };
  }
  const why = w?.deactivation?.reason === "failures" ? "failures have switched the webhook off" : "the webhook is inactive";
  return {
    text: `It has not been sent because ${why}. It is held for a limited time, usually 7 days.`,
    step: "Activate the webhook to get everything that is held, in order. Resend sends this one alone, even now.",
    go: { text: "Go to the webhook to activate it", href: link.webhook(webhookId) },
  };
}

function undeliverable(d: Delivery, webhookId: string): Explanation {
  const text = `${d.reason ?? "It could not be sent."} This is not your endpoint's fault.`;
  const reason = d.reason ?? "";
  if (/^Building the body failed|^The body /.test(reason)) {
    return {
      text,
      step: "Correct the payload template, then resend it: the body is built anew.",
      go: { text: "Edit the template", href: link.edit(webhookId) },
    };
  }
  if (/no longer kept/.test(reason)) {
    return { text };
  }
  return { text, step: "Resend it. If that does not help, contact us with the delivery's ID." };
}

/** refusal says why a delivery can't be sent again; null if it can. */
export function refusal(d: Delivery): string | null {
  if (d.resendRequestedAt !== null) {
    return "An attempt has been asked for and is on its way.";
  }
  return d.state === "cancelled" ? "A cancelled delivery can't be sent again." : null;
}
