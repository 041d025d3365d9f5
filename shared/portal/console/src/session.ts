import { computed, signal } from "@preact/signals";
import { Drafts } from "./lib/drafts";
import { tabStore } from "./lib/store";

const tokenKey = "console.token";
const accountKey = "console.account";
/** Where one was last, for a link that does not say where to go. */
const placeKey = "console.last";
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

/** place remembers where one was. */
export const place = {
  get: () => store.getItem(placeKey) ?? "",
  set: (hash: string) => store.setItem(placeKey, hash),
};

/** Arrival is a link's token of which it is not known yet whose it is, and where the link leads to. */
interface Arrival {
  token: string;
  hash: string;
}

/** arrival is what came last; null if nothing did, or its account is known. */
export const arrival = signal<Arrival | null>(null);

/** veiled tells that no page may be shown yet: what it holds may be another account's. */
export const veiled = signal(false);

let waiting: ((renewed: boolean) => void)[] = [];

/** arrive takes a link's token. Where something is left of an earlier one the API is asked first whose this is. */
export function arrive(came: Arrival, starting: boolean): void {
  if (token.value === null && drafts.empty()) {
    take(came.token);
    return;
  }
  arrival.value = came;
  veiled.value = veiled.value || starting;
}

/** stayAs goes on without the token that came. */
export function stayAs(): void {
  arrival.value = null;
  veiled.value = false;
}

/** met notes whose the answers to a token are. */
export function met(used: string | null, account: string | null): void {
  if (used === token.value && account) {
    store.setItem(accountKey, account);
  }
}

/**
 * renew goes on with another token, which is the account's: what waited for one is sent now. If it is another account than
 * before, neither what was typed nor what the pages hold may get into its hands: all is given up and forgotten, and the
 * page begins anew at the hash.
 */
export function renew(text: string, account: string, hash: string, giveUp: () => void): void {
  const before = store.getItem(accountKey);
  if (account === before || (before === null && drafts.empty())) {
    take(text);
    met(text, account);
    stayAs();
    return;
  }
  giveUp();
  forget();
  store.setItem(tokenKey, text);
  store.setItem(accountKey, account);
  beginAnew(hash);
}

/** beginAnew loads the page again: nothing else clears all that it holds in memory. */
function beginAnew(hash: string): void {
  history.replaceState(null, "", location.pathname + location.search + hash);
  location.reload();
}

function take(text: string): void {
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

/** signOut forgets all that is kept of a session. */
export function signOut(): void {
  forget();
  beginAnew("");
}

function forget(): void {
  for (const key of [tokenKey, accountKey, placeKey]) {
    store.removeItem(key);
  }
  drafts.clear();
}

function release(renewed: boolean): void {
  const all = waiting;
  waiting = [];
  for (const resolve of all) {
    resolve(renewed);
  }
}
