/** TakenOver is a session token that came in the address, and the address without it. */
export interface TakenOver {
  token: string;
  /** Where to go on; empty if the address does not say. */
  hash: string;
}

/** takeOver finds the token in an address's fragment: "#token=crs_...". */
export function takeOver(hash: string): TakenOver | null {
  const text = hash.startsWith("#") ? hash.slice(1) : hash;
  if (!text.startsWith("token=")) {
    return null;
  }
  const params = new URLSearchParams(text);
  const token = (params.get("token") ?? "").trim();
  if (token === "") {
    return null;
  }
  const to = params.get("to") ?? "";
  return { token, hash: to.startsWith("/") ? "#" + to : "" };
}

/** keyFault says what is wrong with the text of a key, before it is sent anywhere; null if nothing is to be seen. */
export function keyFault(text: string): string | null {
  if (text === "") {
    return "Enter an API key.";
  }
  if (!/^cr[ks]_/.test(text)) {
    return "An API key begins with crk_.";
  }
  if (!/^[a-z0-9_]+$/.test(text)) {
    return "An API key has only lower-case letters and digits after crk_. Was something else copied along?";
  }
  if (text.length !== 76) {
    return `An API key has 76 characters; this one has ${text.length}. Was all of it copied?`;
  }
  return null;
}
