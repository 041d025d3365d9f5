import type { Webhook, DeliveryDetail } from "../api/types";

/** quote makes any text without NUL one word for a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export interface SentHeader {
  name: string;
  value: string;
  /** Why the value is not shown; a placeholder stands for it. */
  hidden?: string;
}

/** sentHeaders are the headers of a delivery's latest attempt, or of its first one, as far as they are known here. */
export function sentHeaders(d: DeliveryDetail, webhook: Pick<Webhook, "authHeader" | "rotation"> | undefined): SentHeader[] {
  const last = d.attemptLog.at(-1);
  const secret = "made with the secret, which is never shown";
  const headers: SentHeader[] = [
    { name: "content-type", value: "application/json" },
    { name: "x-webhook-event", value: d.eventType },
    { name: "x-webhook-attempt", value: String(last?.number ?? d.attempts + 1) },
    { name: "x-webhook-signature", value: "<signature>", hidden: secret },
  ];
  if (webhook?.rotation) {
    headers.push({ name: "x-webhook-signature-next", value: "<signature with the new secret>", hidden: secret });
  }
  headers.push(
    { name: "webhook-id", value: d.id },
    { name: "webhook-timestamp", value: last ? String(Math.floor(Date.parse(last.startedAt) / 1000)) : "<seconds since 1970>" },
    { name: "webhook-signature", value: "<v1,signature>", hidden: secret },
  );
  if (webhook?.authHeader) {
    headers.push({ name: webhook.authHeader.name, value: "<value>", hidden: "your authentication header, whose value is never shown" });
  }
  return headers;
}

/** curlOf is the command that makes the same request, but for what is secret. */
export function curlOf(url: string, headers: readonly SentHeader[], body: string): string {
  const lines = [
    `curl -i -X POST ${quote(url)}`,
    ...headers.map((h) => `-H ${quote(`${h.name}: ${h.value}`)}`),
    `--data-raw ${quote(body)}`,
  ];
  return lines.join(" \\\n  ") + "\n";
}
