import type { KeyValue } from "./store";

const prefix = "console.draft.";
/** The names of all drafts that there may be. */
const index = "console.drafts";

/**
 * Drafts keeps what was typed into forms until it is saved or given up. Whoever saves a draft leaves secrets out of it.
 */
export class Drafts {
  constructor(private readonly store: KeyValue) {}

  /** load returns a draft, null if there is none. */
  load<T>(name: string): T | null {
    const text = this.store.getItem(prefix + name);
    if (text === null) {
      return null;
    }
    try {
      return JSON.parse(text) as T;
    } catch {
      this.remove(name);
      return null;
    }
  }

  save(name: string, value: unknown): void {
    try {
      this.store.setItem(prefix + name, JSON.stringify(value));
      this.store.setItem(index, JSON.stringify([...new Set([...this.names(), name])]));
    } catch {
      // A full store loses the draft, not the form.
    }
  }

  remove(name: string): void {
    this.store.removeItem(prefix + name);
  }

  empty(): boolean {
    return this.names().every((name) => this.store.getItem(prefix + name) === null);
  }

  clear(): void {
    for (const name of this.names()) {
      this.store.removeItem(prefix + name);
    }
    this.store.removeItem(index);
  }

  private names(): string[] {
    try {
      const names: unknown = JSON.parse(this.store.getItem(index) ?? "[]");
      return Array.isArray(names) ? names.filter((n) => typeof n === "string") : [];
    } catch {
      return [];
    }
  }
}
