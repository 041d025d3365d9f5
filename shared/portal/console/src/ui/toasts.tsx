import { signal } from "@preact/signals";
import { Icon } from "./icon";

interface Toast {
  id: number;
  text: string;
}

const toasts = signal<Toast[]>([]);
let last = 0;

/** How long a message stays: it tells of something that went well, and nothing is lost with it. */
const stay = 6000;

/** toast tells that something was done. Errors belong where the action was asked for. */
export function toast(text: string): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text }];
  setTimeout(() => close(id), stay);
}

function close(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((t) => (
        <div class="toast" key={t.id}>
          <Icon name="check" />
          <span>{t.text}</span>
          <button type="button" class="icon-button" aria-label="Close message" onClick={() => close(t.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
