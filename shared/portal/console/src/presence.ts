import { computed, signal } from "@preact/signals";
import { ended } from "./session";

/** alone is after how long without a key, a pointer or a scroll nobody is taken to be at the page. */
const alone = 10 * 60_000;

const visible = signal(document.visibilityState === "visible");
const attended = signal(true);
let touched = Date.now();
let timer = 0;

/**
 * present tells whether somebody may be looking, and may be answered: a page that was forgotten asks for nothing by itself,
 * nor does one whose session has ended.
 */
export const present = computed(() => visible.value && attended.value && !ended.value);

function touch(): void {
  touched = Date.now();
  if (!attended.value || timer === 0) {
    attended.value = true;
    watch(alone);
  }
}

/** watch looks again when the time may be up: a timer for each movement of a pointer would be many. */
function watch(ms: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const left = touched + alone - Date.now();
    if (left > 0) {
      watch(left);
    } else {
      attended.value = false;
    }
  }, ms) as unknown as number;
}

for (const sign of ["pointermove", "pointerdown", "keydown", "wheel", "scroll", "focus"]) {
  addEventListener(sign, touch, { capture: true, passive: true });
}
document.addEventListener("visibilitychange", () => {
  visible.value = document.visibilityState === "visible";
  if (visible.value) {
    touch();
  }
});
touch();
