import { computed, signal } from "@preact/signals";
import { Drafts } from "./lib/drafts";
import { tabStore } from "./lib/store";

const tokenKey = "console.token";
const store = tabStore();

/** token is the portal session's token or API key; null before one was given. */
export const token = signal<string | null>(store.getItem(tokenKey));

/** ended tells that the API no longer takes the token. Pages stay as they are meanwhile. */
export const ended = signal(false);

/** dismissed tells that the dialog about the end was closed; a bar reminds of it. */
export const dismissed = signal(false);

export const signedIn = computed(() => token.value !== null);

/** drafts are what was typed into forms and not saved. */
export const drafts = new Drafts(store);

let waiting: ((renewed: boolean) => void)[] = [];

/** renew goes on with another token: what waited for one is sent now. */
export function renew(text: string): void {
  store.setItem(tokenKey, text);
  token.value = text;
  ended.value = false;
  dismissed.value = false;
  release(true);
}

/**
 * renewal waits until there is another token than the one that was refused. It returns false if the user does not want to
 * give one now.
 */
export function renewal(refused: string | null, signal?: AbortSignal): Promise<boolean> {
  if (token.value !== refused) {
    return Promise.resolve(token.value !== null);
  }
  if (token.value === null) {
    return Promise.resolve(false);
  }
  ended.value = true;
  if (dismissed.value) {
    return Promise.resolve(false);
  }
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener("abort", () => {
      waiting = waiting.filter((w) => w !== resolve);
      reject(signal.reason);
    });
  });
}

/** dismiss closes the dialog: what waited fails. */
export function dismiss(): void {
  dismissed.value = true;
  release(false);
}

/** ask opens the dialog again. */
export function ask(): void {
  dismissed.value = false;
}

/** signOut forgets the token and all drafts. */
export function signOut(): void {
  store.removeItem(tokenKey);
  drafts.clear();
  token.value = null;
  ended.value = false;
  dismissed.value = false;
  release(false);
}

function release(renewed: boolean): void {
  const all = waiting;
  waiting = [];
  for (const resolve of all) {
    resolve(renewed);
  }
}
