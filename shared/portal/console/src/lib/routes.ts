/** The pages, by the pattern of their address's fragment. */
const patterns = {
  list: "/webhooks",
  create: "/webhooks/new",
  webhook: "/webhooks/:id",
  edit: "/webhooks/:id/edit",
  test: "/webhooks/:id/test",
  logs: "/webhooks/:id/logs",
  delivery: "/webhooks/:id/logs/:deliveryId",
  recover: "/webhooks/:id/recover",
  signature: "/signature",
  eventTypes: "/event-types",
} as const;

export type PageName = keyof typeof patterns;

export interface Route {
  page: PageName | "unknown";
  /** What stands in the pattern's places: id, deliveryId. */
  params: Record<string, string>;
  query: URLSearchParams;
}

/** parseHash finds the page of a fragment. The first page is that of no fragment at all. */
export function parseHash(hash: string): Route {
  const text = hash.replace(/^#/, "") || patterns.list;
  const at = text.indexOf("?");
  const path = at < 0 ? text : text.slice(0, at);
  const query = new URLSearchParams(at < 0 ? "" : text.slice(at + 1));
  const parts = path.replace(/\/$/, "").split("/");
  for (const [page, pattern] of Object.entries(patterns)) {
    const params = match(pattern.split("/"), parts);
    if (params) {
      return { page: page as PageName, params, query };
    }
  }
  return { page: "unknown", params: {}, query };
}

function match(pattern: string[], parts: string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) {
    return null;
  }
  const params: Record<string, string> = {};
  for (const [i, want] of pattern.entries()) {
    const part = parts[i] ?? "";
    if (!want.startsWith(":")) {
      if (want !== part) {
        return null;
      }
      continue;
    }
    try {
      params[want.slice(1)] = decodeURIComponent(part);
    } catch {
      return null;
    }
    if (part === "") {
      return null;
    }
  }
  return params;
}

type Query = Record<string, string | undefined>;

function made(path: string, query: Query = {}): string {
  const entries = Object.entries(query).filter((e): e is [string, string] => e[1] !== undefined && e[1] !== "");
  return "#" + path + (entries.length > 0 ? "?" + new URLSearchParams(entries) : "");
}

const one = (id: string, rest = "") => `${patterns.list}/${encodeURIComponent(id)}${rest}`;

/** link makes the addresses of the pages. */
export const link = {
  list: () => made(patterns.list),
  create: (query?: Query) => made(patterns.create, query),
  webhook: (id: string) => made(one(id)),
  edit: (id: string) => made(one(id, "/edit")),
  test: (id: string) => made(one(id, "/test")),
  logs: (id: string, query?: Query) => made(one(id, "/logs"), query),
  delivery: (id: string, deliveryId: string) => made(one(id, "/logs/" + encodeURIComponent(deliveryId))),
  recover: (id: string, query?: Query) => made(one(id, "/recover"), query),
  signature: () => made(patterns.signature),
  eventTypes: () => made(patterns.eventTypes),
  /** The documentation of the API is another page. */
  docs: () => "../docs/",
};
