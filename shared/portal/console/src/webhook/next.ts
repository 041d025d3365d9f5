// What to do next about a webhook, by its state. The API's healthReason says what is wrong; these are the ways to mend it.
import type { Webhook } from "../api/types";
import { capitalise, plural } from "../lib/text";
import { link } from "../lib/routes";

/** Step is one thing to do: a page to go to, or an action of the overview. */
export interface Step {
  text: string;
  label: string;
  href?: string;
  act?: "activate" | "complete";
}

/** soon is how long before its end a rotation is pointed out, as in the API's healthReason. */
const soon = 6 * 3600_000;

/** nextSteps lists what to do, in this order. A webhook that does well needs nothing. */
export function nextSteps(w: Webhook, now: number): Step[] {
  const steps = w.active ? whileActive(w) : whileInactive(w);
  if (templateFails(w)) {
    steps.unshift(
      { text: "Mend the payload template; the log says what it failed on.", label: "Edit the template", href: link.edit(w.id) },
      {
        text: "Then send the events that it failed on.",
        label: "Recover them",
        href: link.recover(w.id, { states: "undeliverable" }),
      },
    );
  }
  if (w.rotation && Date.parse(w.rotation.endsAt) - now < soon) {
    steps.push({
      text: "The rotation of the secret ends soon. Once your receiver knows the new secret, you can complete it.",
      label: "Complete the rotation",
      act: "complete",
    });
  }
  return steps;
}

function whileInactive(w: Webhook): Step[] {
  if (w.deactivation?.reason === "failures") {
    const id = w.deactivation.deliveryId;
    return [
      {
        text: "Find out why it failed: see what was sent and what your endpoint answered.",
        label: "See the failed delivery",
        href: id ? link.delivery(w.id, id) : link.logs(w.id, { state: "exhausted" }),
      },
      { text: "Repair your endpoint, then see whether it answers.", label: "Send a test", href: link.test(w.id) },
      {
        text: `Activate the webhook. ${waiting(w)} If it fails again, nothing is lost: the rest stays held.`,
        label: "Activate",
        act: "activate",
      },
    ];
  }
  const test = { text: "See whether your endpoint answers.", label: "Send a test", href: link.test(w.id) };
  if (neverActive(w)) {
    return [test, { text: "Then activate the webhook, so that it gets events.", label: "Activate", act: "activate" }];
  }
  return [test, { text: `Activate the webhook when you want its events again. ${waiting(w)}`, label: "Activate", act: "activate" }];
}

function whileActive(w: Webhook): Step[] {
  if (w.health === "grey") {
    return [{ text: "See whether your endpoint answers as it should.", label: "Send a test", href: link.test(w.id) }];
  }
  // While held events are delivered their progress is all there is to look at.
  if (w.health === "green" || draining(w)) {
    return [];
  }
  if (answersAgain(w)) {
    return [
      {
        text: "See whether a delivery is still exhausted. Most arrive when the webhook is activated again.",
        label: "See what is exhausted",
        href: link.logs(w.id, { state: "exhausted" }),
      },
    ];
  }
  const steps: Step[] = [
    { text: "See what was sent and what your endpoint answered.", label: "Open the logs", href: link.logs(w.id) },
    { text: "Repair your endpoint, then see whether it answers.", label: "Send a test", href: link.test(w.id) },
  ];
  if (w.successRate !== null && w.successRate < 1) {
    steps.push({
      text: "Then send again what was given up.",
      label: "Recover failed",
      href: link.recover(w.id, { states: "exhausted" }),
    });
  }
  return steps;
}

/** waiting says what activation brings. */
function waiting(w: Webhook): string {
  if (w.heldCount === 0) {
    return w.deactivation?.reason === "failures" ? "The events that could not be delivered are sent again." : "";
  }
  const delivered = w.heldCount === 1 && !w.heldCountCapped ? "is delivered then." : "are delivered then.";
  return `${capitalise(heldText(w))} ${delivered}`;
}

/** heldText is how many events are held: "12 held events", "more than 1,000 held events". */
export function heldText(w: Pick<Webhook, "heldCount" | "heldCountCapped">): string {
  return (w.heldCountCapped ? "more than " : "") + plural(w.heldCount, "held event");
}

/** neverActive tells whether a webhook was created inactive and is so still: it holds no events. */
export function neverActive(w: Pick<Webhook, "active" | "deactivation">): boolean {
  return !w.active && w.deactivation === null;
}

/** templateFails reads it out of the health's sentence, which is all that the API says of it. */
function templateFails(w: Webhook): boolean {
  return w.payloadTemplate !== null && w.healthReason.includes("payload template failed");
}

/** answersAgain reads out of the same sentence that the endpoint is well and only the last day's rate is not. */
function answersAgain(w: Webhook): boolean {
  return w.health === "yellow" && w.healthReason.startsWith("The last attempt succeeded");
}

/** draining tells whether held events are being delivered. One that finds nothing is over before it is seen. */
export function draining(w: Pick<Webhook, "active" | "drain">): boolean {
  return w.active && w.drain?.state === "running" && w.drain.total > 0;
}
