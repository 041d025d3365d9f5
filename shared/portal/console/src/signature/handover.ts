interface Request {
  body: string;
  signature: string;
}

/** A request that another page hands to the signature helper. It is in memory only: addresses are kept in places where no body belongs. */
let waiting: Request | null = null;

/** handOver leaves a body, and headers of which those of the signature are taken, for the helper to be filled in with. */
export function handOver(body: string, headers: Record<string, string> = {}): void {
  const lines = Object.entries(headers).filter(([name]) => /^(x-webhook-signature|webhook-)/i.test(name));
  waiting = { body, signature: lines.map(([name, value]) => `${name}: ${value}`).join("\n") };
}

/** received returns what was handed over, once. */
export function received(): Request {
  const request = waiting ?? { body: "", signature: "" };
  waiting = null;
  return request;
}
