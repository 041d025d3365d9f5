import type { Webhook } from "../api/types";
import { duration } from "../lib/time";

export type Tone = "good" | "warn" | "bad" | "info" | "neutral";

/** Pill is a short state; its colour repeats what the word says. */
export function Pill(p: { tone: Tone; children: string }) {
  return (
    <span class={`pill ${p.tone}`}>
      <span class="dot" aria-hidden="true" />
      {p.children}
    </span>
  );
}

/** Status says whether a webhook is active, and if not, for what reason. */
export function Status(p: { webhook: Pick<Webhook, "active" | "deactivation"> }) {
  if (p.webhook.active) {
    return <Pill tone="good">Active</Pill>;
  }
  return p.webhook.deactivation?.reason === "failures" ? <Pill tone="bad">Switched off</Pill> : <Pill tone="neutral">Inactive</Pill>;
}

const healths = {
  green: { tone: "good", word: "Healthy" },
  yellow: { tone: "warn", word: "Some failures" },
  red: { tone: "bad", word: "Failing" },
  grey: { tone: "neutral", word: "Nothing sent yet" },
} as const;

/** Health is a webhook's health as colour, word and the sentence that says what to do. */
export function Health(p: { webhook: Pick<Webhook, "health" | "healthReason">; brief?: boolean }) {
  const { tone, word } = healths[p.webhook.health];
  return (
    <div class="health">
      <Pill tone={tone}>{word}</Pill>
      {!p.brief && <span class="health-reason">{p.webhook.healthReason}</span>}
    </div>
  );
}

/** Progress is how far something has come. Without a total it only says that it goes on. */
export function Progress(p: { label: string; done: number; total: number }) {
  return (
    <div class="progress">
      <progress aria-label={p.label} max={Math.max(p.total, 1)} value={Math.min(p.done, p.total)} />
      <span class="numbers">
        {p.done.toLocaleString("en")} of {p.total.toLocaleString("en")}
      </span>
    </div>
  );
}

export function Duration(p: { ms: number }) {
  return <span class="numbers">{duration(p.ms)}</span>;
}
