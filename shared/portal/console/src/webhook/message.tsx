// What was sent, and what was answered.
import { useState } from "preact/hooks";
import { prettyJson, visible } from "../lib/text";
import { Code, CopyButton } from "../ui";
import { Segments } from "./segments";

export function Headers(p: { headers: Record<string, string>; label: string }) {
  const names = Object.keys(p.headers).sort();
  if (names.length === 0) {
    return <p class="muted">No headers to show.</p>;
  }
  return (
    <dl class="http-headers" aria-label={p.label}>
      {names.map((name) => (
        <div key={name}>
          <dt>{visible(name)}</dt>
          <dd>{visible(p.headers[name] ?? "")}</dd>
        </div>
      ))}
    </dl>
  );
}

const views = [
  { value: "pretty", label: "Formatted" },
  { value: "exact", label: "As sent" },
] as const;

/** SentBody shows a body for reading. What is copied is always what was sent: its bytes are what was signed. */
export function SentBody(p: { body: string }) {
  const [view, setView] = useState<(typeof views)[number]["value"]>("pretty");
  const pretty = prettyJson(p.body);
  return (
    <>
      <div class="actions">
        {pretty !== p.body && <Segments label="How the body is shown" value={view} options={views} onChange={setView} />}
        <CopyButton text={p.body} label="Copy as sent: the body">
          Copy as sent
        </CopyButton>
      </div>
      <Code plain wrap text={view === "pretty" ? pretty : p.body} label="the body that was sent" />
    </>
  );
}
