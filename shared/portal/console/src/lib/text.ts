const pictures = 0x2400;

/**
 * visible returns text in which what could not be seen, or could make text look like another, is shown as a symbol.
 * Line feeds and tabs stay.
 */
export function visible(text: string): string {
  // C0 and DEL, C1, zero-width and bidirectional marks, the byte order mark, lone surrogates.
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => {
      const code = c.charCodeAt(0);
      if (code < 0x20) {
        return String.fromCharCode(pictures + code);
      }
      if (code === 0x7f) {
        return "\u2421";
      }
      return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
    },
  );
}

/**
 * prettyJson returns a JSON text with line breaks, or the text itself if it is none. Nothing but white space is changed: to
 * parse it and write it anew would round long numbers and put members in another order.
 */
export function prettyJson(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g) ?? [];
  let depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  const opens = (t: string | undefined) => t === "{" || t === "[";
  const closes = (t: string | undefined) => t === "}" || t === "]";
  return tokens
    .map((t, i) => {
      if (opens(t)) {
        depth++;
        return closes(tokens[i + 1]) ? t : t + line();
      }
      if (closes(t)) {
        depth--;
        return opens(tokens[i - 1]) ? t : line() + t;
      }
      return t === "," ? t + line() : t === ":" ? ": " : t;
    })
    .join("");
}

/** plural returns "1 event", "2 events". */
export function plural(n: number, one: string, many = one + "s"): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** percent returns a share as partners read it; 99.96 % is not 100 %. */
export function percent(share: number): string {
  const p = share * 100;
  const rounded = p >= 99.95 || p < 1 || Number.isInteger(p) ? Math.floor(p * 100) / 100 : Math.floor(p * 10) / 10;
  return `${rounded} %`;
}

/** shortUrl leaves out what all URLs have; the rest tells webhooks apart. */
export function shortUrl(url: string): string {
  return url.replace(/^https:\/\//, "");
}

/** capitalise makes the first letter a capital. */
export function capitalise(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
