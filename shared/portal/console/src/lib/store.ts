/** KeyValue is the part of Storage that is used here. */
export type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** memoryStore keeps values until the page is left. */
export function memoryStore(): KeyValue {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

/** tabStore is the tab's own storage. A page that is embedded elsewhere may be refused it; then memory does. */
export function tabStore(): KeyValue {
  try {
    const probe = "console.probe";
    sessionStorage.setItem(probe, "1");
    sessionStorage.removeItem(probe);
    return sessionStorage;
  } catch {
    return memoryStore();
  }
}
