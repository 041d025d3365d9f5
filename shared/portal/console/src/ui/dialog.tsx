import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface DialogProps {
  title: string;
  /** Called when it is closed with Escape; leave it out and it can't be. */
  onClose?: () => void;
  children: ComponentChildren;
  wide?: boolean;
}

/** Dialog is open while it is mounted. The browser keeps the focus inside and gives it back afterwards. */
export function Dialog(p: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={p.wide ? "wide" : undefined}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        p.onClose?.();
      }}
      onClose={(e) => {
        // A browser lets nobody be held back: the second Escape closes it without asking.
        if (e.currentTarget.isConnected && !e.currentTarget.open) {
          e.currentTarget.showModal();
          p.onClose?.();
        }
      }}
    >
      <h2 id={id}>{p.title}</h2>
      {p.children}
    </dialog>
  );
}

/** DialogActions is the row of buttons at a dialog's end. */
export function DialogActions(p: { children: ComponentChildren }) {
  return <div class="actions end">{p.children}</div>;
}
