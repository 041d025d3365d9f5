/** A body that another page hands to the signature helper. It is in memory only: addresses are kept in places where no body belongs. */
let body: string | null = null;

export function handOver(text: string): void {
  body = text;
}

/** received returns the body that was handed over, once. */
export function received(): string | null {
  const text = body;
  body = null;
  return text;
}
