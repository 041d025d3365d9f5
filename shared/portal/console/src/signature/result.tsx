import { useEffect, useRef } from "preact/hooks";
import { Inline, Notice, Pill, type Tone } from "../ui";
import type { Finding } from "./advice";
import type { Check, Outcome, Verdict } from "./verify";

const verdicts: Record<Outcome, { tone: "good" | "warn" | "bad" | "info"; title: string; text: string }> = {
  match: {
    tone: "good",
    title: "The signature matches",
    text: "These bytes were signed with this secret. If your server refuses them, it signs other bytes or has another secret: compare it with the code below.",
  },
  explained: {
    tone: "warn",
    title: "The signature does not match as it stands, and here is why",
    text: "With what follows put right, it matches.",
  },
  unknown: {
    tone: "bad",
    title: "The signature does not match",
    text: "No usual mistake explains it.",
  },
  incomplete: { tone: "info", title: "Something is missing", text: "" },
};

const words: Record<Outcome, { tone: Tone; word: string }> = {
  match: { tone: "good", word: "Matches" },
  explained: { tone: "warn", word: "Matches once put right" },
  unknown: { tone: "bad", word: "Does not match" },
  incomplete: { tone: "neutral", word: "Cannot be checked yet" },
};

/** Result says what was found. It takes the focus, so that it is read out and can be seen. */
export function Result({ verdict }: { verdict: Verdict }) {
  const here = useRef<HTMLElement>(null);
  useEffect(() => {
    here.current?.focus({ preventScroll: true });
    here.current?.scrollIntoView({ block: "nearest" });
  }, [verdict]);
  const { tone, title, text } = verdicts[verdict.outcome];
  return (
    <section class="verdict" ref={here} tabIndex={-1} aria-label="Result">
      <Notice tone={tone} title={title}>
        {text && <p>{text}</p>}
        <Findings findings={verdict.findings} />
      </Notice>
      {alike(verdict.checks).map((checks) => (
        <Alike key={checks[0].header} checks={checks} />
      ))}
    </section>
  );
}

type Some = [Check, ...Check[]];

/** alike puts headers together of which the same is to be said. */
function alike(checks: Check[]): Some[] {
  const groups = new Map<string, Some>();
  for (const check of checks) {
    const said = [check.outcome, ...check.findings.map((f) => f.code)].join();
    const group = groups.get(said);
    if (group) {
      group.push(check);
    } else {
      groups.set(said, [check]);
    }
  }
  return [...groups.values()];
}

function Alike({ checks }: { checks: Some }) {
  const { tone, word } = words[checks[0].outcome];
  return (
    <div class="signature-check">
      <p>
        {checks.map((check) => (
          <span key={check.header}>
            <Inline>{check.header}</Inline>{" "}
          </span>
        ))}
        <Pill tone={tone}>{word}</Pill>
      </p>
      <Findings findings={checks[0].findings} />
    </div>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  if (findings.length === 0) {
    return null;
  }
  return (
    <ul class="findings">
      {findings.map((f) => (
        <li key={f.code}>
          <strong>{f.title}</strong> {f.advice}
        </li>
      ))}
    </ul>
  );
}
