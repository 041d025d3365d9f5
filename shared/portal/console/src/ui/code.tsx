import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { visible } from "../lib/text";
import { Button } from "./button";
import { Icon } from "./icon";

/** CopyButton copies text. If the browser refuses, it says so, and the text can be selected by hand. */
export function CopyButton(p: { text: string; label: string; children?: ComponentChildren }) {
  const [state, setState] = useState<"" | "copied" | "refused">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(p.text);
      setState("copied");
    } catch {
      setState("refused");
    }
    setTimeout(() => setState(""), 3000);
  };
  return (
    <span class="copy">
      <Button small label={p.label} onClick={() => void copy()}>
        <Icon name={state === "copied" ? "check" : "copy"} />
        {state === "copied" ? "Copied" : (p.children ?? "Copy")}
      </Button>
      <span role="status" class={state === "refused" ? "copy-refused" : "unseen"}>
        {state === "copied" ? "Copied" : state === "refused" ? "Select the text and copy it by hand." : ""}
      </span>
    </span>
  );
}

interface CodeProps {
  text: string;
  /** Names the region for screen readers, and the copy button. */
  label: string;
  /** Leaves out the copy button. */
  plain?: boolean;
  wrap?: boolean;
}

/** Code shows text as it is, what is invisible in it as symbols. It can be scrolled by keyboard. */
export function Code(p: CodeProps) {
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={p.label} class={p.wrap ? "wrap" : undefined}>
        <code>{visible(p.text)}</code>
      </pre>
      {!p.plain && <CopyButton text={p.text} label={`Copy ${p.label}`} />}
    </div>
  );
}

/** Inline is a name or value in a sentence. */
export function Inline(p: { children: string }) {
  return <code class="inline">{visible(p.children)}</code>;
}
