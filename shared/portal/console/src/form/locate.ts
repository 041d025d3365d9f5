/** Place is a part of a text, by its offsets. */
export interface Place {
  from: number;
  to: number;
}

/**
 * locate finds the value that the API means by a path into a template (".data.items[0]", names longer than 40 bytes cut
 * short), or a character of a string there, counted from 1. It returns null if the text is no JSON or has no such place.
 */
export function locate(text: string, path: string, character: number | null): Place | null {
  const scanner = new Scanner(text, path);
  try {
    scanner.value("");
  } catch {
    return null;
  }
  const found = scanner.found;
  if (!found || character === null || text[found.from] !== '"') {
    return found;
  }
  const at = offsetIn(text, found, character);
  return { from: at, to: Math.min(at + 1, found.to) };
}

/** offsetIn returns where the nth character of a string's value stands in its JSON text. */
function offsetIn(text: string, string: Place, character: number): number {
  let at = string.from + 1;
  for (let n = 1; n < character && at < string.to - 1; n++) {
    at += lengthAt(text, at);
  }
  return at;
}

function lengthAt(text: string, at: number): number {
  const escaped = /^\\u[dD][89abAB]..\\u[dD][c-fC-F]..|^\\u....|^\\./.exec(text.slice(at, at + 12));
  return escaped ? escaped[0].length : String.fromCodePoint(text.codePointAt(at) ?? 0).length;
}

const maxName = 40;

/** shortName cuts a name as the API does. */
function shortName(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return bytes.length <= maxName ? name : new TextDecoder().decode(bytes.slice(0, maxName)).replace(/\ufffd+$/, "") + "…";
}

/** Scanner walks over JSON and notes where the value at a path stands. It throws at what is no JSON. */
class Scanner {
  found: Place | null = null;
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly wanted: string,
  ) {}

  value(path: string): void {
    this.space();
    const from = this.at;
    const c = this.text[this.at];
    if (c === "{") {
      this.all("}", () => {
        const name = JSON.parse(this.string()) as string;
        this.space();
        this.take(":");
        this.value(`${path}.${shortName(name)}`);
      });
    } else if (c === "[") {
      let i = 0;
      this.all("]", () => this.value(`${path}[${i++}]`));
    } else if (c === '"') {
      this.string();
    } else {
      this.match(/[^\s,\]}]+/y);
    }
    if (path === this.wanted) {
      this.found ??= { from, to: this.at };
    }
  }

  private all(end: string, one: () => void): void {
    this.at++;
    this.space();
    if (this.text[this.at] === end) {
      this.at++;
      return;
    }
    for (;;) {
      this.space();
      one();
      this.space();
      if (this.text[this.at] === end) {
        this.at++;
        return;
      }
      this.take(",");
    }
  }

  private string(): string {
    return this.match(/"(?:[^"\\]|\\.)*"/y);
  }

  private space(): void {
    this.match(/\s*/y);
  }

  private take(c: string): void {
    if (this.text[this.at++] !== c) {
      throw new SyntaxError(`no ${c}`);
    }
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) {
      throw new SyntaxError("not JSON");
    }
    this.at += found.length;
    return found;
  }
}
