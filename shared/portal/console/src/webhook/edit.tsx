import { useEffect, useState } from "preact/hooks";
import type { Tagged } from "../api/client";
import { ApiError } from "../api/error";
import type { Webhook } from "../api/types";
import { useAction, type Action, type Data } from "../hooks";
import { ActionError, Notice } from "../ui";

/** EditProps is what every dialog about a webhook is given. */
export interface EditProps {
  data: Data<Tagged<Webhook>>;
  tagged: Tagged<Webhook>;
  onClose: () => void;
}

/**
 * useEdit is an action on the version that is shown. If the webhook has changed meanwhile the API does nothing; then the
 * present version is loaded, and whoever confirms again confirms that.
 */
export function useEdit<A extends unknown[], R>(data: Data<Tagged<Webhook>>, act: (...args: A) => Promise<R>): Action<A, R> {
  return useAction(async (...args: A) => {
    try {
      return await act(...args);
    } catch (e) {
      if (e instanceof ApiError && e.status === 412) {
        data.reload();
      }
      throw e;
    }
  });
}

/** EditError says why an edit failed. */
export function EditError(p: { error: unknown; title: string }) {
  if (p.error instanceof ApiError && p.error.status === 412) {
    return (
      <Notice tone="bad" title="The webhook has changed meanwhile">
        <p>Nothing was done. What you see now is its present state: look at it, then confirm again.</p>
      </Notice>
    );
  }
  return <ActionError error={p.error} title={p.title} />;
}

/** useOpen is which dialog of a page is open, if any. */
export function useOpen<T extends string>(): [open: T | null, show: (dialog: T) => void, close: () => void] {
  const [open, setOpen] = useState<T | null>(null);
  const close = () => {
    setOpen(null);
    // The dialog gives the focus back to what opened it, unless that went with the change.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) {
        document.querySelector<HTMLElement>("main h1")?.focus();
      }
    });
  };
  return [open, setOpen, close];
}

/** useFocusOn moves the focus to the first field of the page, or of its dialog, that is marked as wrong, whenever faults are found. */
export function useFocusOn(faults: ReadonlyMap<string, string>): void {
  useEffect(() => {
    if (faults.size > 0) {
      const within = document.querySelector("dialog[open]") ?? document.querySelector("main");
      within?.querySelector<HTMLElement>(".field.invalid :is(input, select, textarea)")?.focus();
    }
  }, [faults]);
}
