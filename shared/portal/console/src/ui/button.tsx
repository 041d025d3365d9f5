import type { ComponentChildren, Ref } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

type Kind = "primary" | "secondary" | "danger" | "quiet";

interface ButtonProps {
  children: ComponentChildren;
  kind?: Kind;
  /** Shows that what it does is under way, and keeps it from being pressed again. */
  busy?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  small?: boolean;
  onClick?: () => void;
  /** The accessible name, if the text alone does not say enough ("Resend" of which delivery?). */
  label?: string;
  describedBy?: string;
  expanded?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
}

/** Button stays focusable while busy, so that the focus is not lost. */
export function Button(p: ButtonProps) {
  const off = p.disabled || p.busy;
  return (
    <button
      ref={p.buttonRef ?? null}
      type={p.type ?? "button"}
      class={`button ${p.kind ?? "secondary"}${p.small ? " small" : ""}`}
      aria-disabled={off ? "true" : undefined}
      aria-busy={p.busy ? "true" : undefined}
      aria-label={p.label}
      aria-describedby={p.describedBy}
      aria-expanded={p.expanded}
      onClick={(e) => {
        if (off) {
          e.preventDefault();
          return;
        }
        p.onClick?.();
      }}
    >
      {p.busy && <span class="spinner" aria-hidden="true" />}
      {p.children}
    </button>
  );
}

interface LinkProps {
  href: string;
  children: ComponentChildren;
  kind?: Kind;
  small?: boolean;
  label?: string;
  /** Takes the focus when it appears, in the place of what was pressed. */
  focus?: boolean;
}

/** ButtonLink is a link that looks like a button. */
export function ButtonLink(p: LinkProps) {
  const ref = useRef<HTMLAnchorElement>(null);
  useLayoutEffect(() => {
    if (p.focus) {
      ref.current?.focus();
    }
  }, []);
  return (
    <a ref={ref} href={p.href} class={`button ${p.kind ?? "secondary"}${p.small ? " small" : ""}`} aria-label={p.label}>
      {p.children}
    </a>
  );
}
