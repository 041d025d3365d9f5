import type { ComponentChildren } from "preact";
import { ApiError, describe } from "../api/error";
import type { Data } from "../hooks";
import { visible } from "../lib/text";
import { Button } from "./button";
import { Icon } from "./icon";

export function Loading(p: { what: string }) {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" /> Loading {p.what} …
    </p>
  );
}

/** Failed says why something could not be shown, and lets one try again. */
export function Failed(p: { what: string; error: unknown; retry?: () => void; busy?: boolean }) {
  return (
    <Notice tone="bad" title={`Could not load ${p.what}`}>
      <p>{describe(p.error)}</p>
      {p.retry && (
        <Button small busy={p.busy ?? false} onClick={p.retry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

/** Empty teaches what would stand here, and the first step. */
export function Empty(p: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{p.title}</h2>
      {p.children}
      {p.action && <div class="actions">{p.action}</div>}
    </div>
  );
}

interface NoticeProps {
  tone: "info" | "good" | "warn" | "bad";
  title?: string;
  children?: ComponentChildren;
}

/** Notice stands in the page. A bad one is read out when it appears. */
export function Notice(p: NoticeProps) {
  return (
    <div class={`notice ${p.tone}`} role={p.tone === "bad" ? "alert" : undefined}>
      <Icon name={p.tone === "good" ? "check" : p.tone === "info" ? "info" : "warning"} />
      <div>
        {p.title && <p class="notice-title">{p.title}</p>}
        {p.children}
      </div>
    </div>
  );
}

/** ActionError shows why an action failed, where it was asked for. It is nothing as long as nothing failed. */
export function ActionError(p: { error: unknown; title?: string }) {
  if (p.error === undefined) {
    return null;
  }
  const errors = p.error instanceof ApiError ? p.error.errors : [];
  return (
    <Notice tone="bad" title={p.title ?? "That did not work"}>
      <p>{describe(p.error)}</p>
      {errors.length > 0 && (
        <ul>
          {errors.map((e) => (
            <li key={e.location + e.message}>
              <code class="inline">{visible(e.location.replace(/^body\./, ""))}</code> {visible(e.message)}
            </li>
          ))}
        </ul>
      )}
    </Notice>
  );
}

interface LoadedProps<T> {
  data: Omit<Data<T>, "set">;
  /** What it is, as in "Could not load the webhook". */
  what: string;
  children: (value: T) => ComponentChildren;
}

/**
 * Loaded shows a value once it is there, and before that that it is loaded or why it could not be. When a later load
 * fails the value stays, and a line says that it may be old.
 */
export function Loaded<T>(p: LoadedProps<T>) {
  const { value, error, loading, reload } = p.data;
  if (value === undefined) {
    return error === undefined ? <Loading what={p.what} /> : <Failed what={p.what} error={error} retry={reload} busy={loading} />;
  }
  return (
    <>
      {error !== undefined && (
        <Notice tone="warn" title={`Could not refresh ${p.what}`}>
          <p>{describe(error)} What you see may be out of date.</p>
          <Button small busy={loading} onClick={reload}>
            Try again
          </Button>
        </Notice>
      )}
      {p.children(value)}
    </>
  );
}
