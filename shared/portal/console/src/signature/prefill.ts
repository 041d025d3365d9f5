import { link, navigate } from "../router";

/** Request is what another page hands over: it stays in memory, and is taken once. */
interface Request {
  body: string;
  headers?: { name: string; value: string }[];
}

let waiting: Request | null = null;

/** checkSignature opens the signature helper with a request filled in. */
export function checkSignature(request: Request): void {
  waiting = request;
  navigate(link.signature());
}

/** taken returns what was handed over, in the form of the helper's fields. */
export function taken(): { body: string; signature: string } {
  const { body, headers } = waiting ?? { body: "" };
  waiting = null;
  const lines = (headers ?? []).filter((h) => /^(x-webhook-signature|webhook-)/i.test(h.name)).map((h) => `${h.name}: ${h.value}`);
  return { body, signature: lines.join("\n") };
}
