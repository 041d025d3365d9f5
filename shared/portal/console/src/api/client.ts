import { met, renewal, token } from "../session";
import { ApiError, isAbort, networkError, problemFrom } from "./error";
import type {
  CreatedWebhook,
  CreateWebhook,
  Delivery,
  DeliveryDetail,
  DeliveryFilter,
  EventType,
  Job,
  List,
  PatchWebhook,
  Preview,
  PreviewRequest,
  Recover,
  RotateSecret,
  TestResult,
  Webhook,
  WebhookStats,
} from "./types";

/** The API lies beside the console, below the same stage. */
export const base = new URL("../", document.baseURI);

/** Tagged is a value with the ETag of its version, for If-Match. */
export interface Tagged<T> {
  value: T;
  etag: string | null;
}

interface Options {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  ifMatch?: string | null;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/**
 * request asks the API. A request that was refused for its token had no effect: it waits for another token and is made
 * again. Its errors are ApiErrors, or the signal's reason.
 */
async function request<T>(method: string, path: string, o: Options = {}): Promise<Tagged<T>> {
  for (;;) {
    const used = token.value;
    const response = await answerTo(method, path, o, used);
    if (response.ok) {
      met(used, accountIn(response));
      const text = await textOf(response);
      return { value: (text === "" ? null : JSON.parse(text)) as T, etag: response.headers.get("ETag") };
    }
    const error = problemFrom(response.status, await textOf(response), response.headers.get("Retry-After"), Date.now());
    if (error.status !== 401 || !(await renewal(used, o.signal))) {
      throw error;
    }
  }
}

async function answerTo(method: string, path: string, o: Options, bearer: string | null): Promise<Response> {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(o.query ?? {})) {
    if (value !== undefined && value !== "") {
      url.searchParams.set(name, String(value));
    }
  }
  const headers = new Headers();
  if (bearer !== null) {
    headers.set("Authorization", `Bearer ${bearer}`);
  }
  if (o.body !== undefined) {
    headers.set("Content-Type", "application/json");
  }
  if (o.ifMatch) {
    headers.set("If-Match", o.ifMatch);
  }
  if (o.idempotencyKey) {
    headers.set("Idempotency-Key", o.idempotencyKey);
  }
  return answered(() =>
    fetch(url, {
      method,
      headers,
      cache: "no-store",
      credentials: "omit",
      ...(o.body === undefined ? {} : { body: JSON.stringify(o.body) }),
      ...(o.signal ? { signal: o.signal } : {}),
    }),
  );
}

const textOf = (response: Response) => answered(() => response.text());

/** answered turns the loss of the connection, before or within an answer, into an ApiError. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (e) {
    throw isAbort(e) ? e : networkError();
  }
}

const accountIn = (response: Response) => response.headers.get("Account-Id");

/** accountOf tells whose a key or token is; null if the API does not take it. It throws if the API can't be asked. */
export async function accountOf(key: string, signal?: AbortSignal): Promise<string | null> {
  const response = await answerTo("GET", "v1/webhooks", { query: { limit: 1 }, ...of(signal) }, key);
  if (response.ok || response.status === 401) {
    return response.ok ? (accountIn(response) ?? "") : null;
  }
  throw problemFrom(response.status, await textOf(response), response.headers.get("Retry-After"), Date.now());
}

/** newIdempotencyKey makes the key of one form, with which a creation may be tried again. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

const one = (id: string, rest = "") => `v1/webhooks/${encodeURIComponent(id)}${rest}`;
const valueOf = async <T>(answer: Promise<Tagged<T>>) => (await answer).value;

/** api has one function for each route. Where a version matters the value comes with its ETag. */
export const api = {
  listWebhooks: (cursor?: string | null, signal?: AbortSignal) =>
    valueOf(request<List<Webhook>>("GET", "v1/webhooks", { query: { limit: 20, cursor: cursor ?? undefined }, ...of(signal) })),
  getWebhook: (id: string, signal?: AbortSignal) => request<Webhook>("GET", one(id), of(signal)),
  createWebhook: (body: CreateWebhook, idempotencyKey: string) =>
    request<CreatedWebhook>("POST", "v1/webhooks", { body, idempotencyKey }),
  patchWebhook: (id: string, body: PatchWebhook, ifMatch: string | null) => request<Webhook>("PATCH", one(id), { body, ifMatch }),
  deleteWebhook: (id: string, ifMatch?: string | null) => valueOf(request<null>("DELETE", one(id), { ifMatch: ifMatch ?? null })),
  activate: (id: string, held: "deliver" | "discard", ifMatch?: string | null) =>
    request<Webhook>("POST", one(id, "/activate"), { body: { held }, ifMatch: ifMatch ?? null }),
  deactivate: (id: string, ifMatch?: string | null) => request<Webhook>("POST", one(id, "/deactivate"), { ifMatch: ifMatch ?? null }),
  test: (id: string, signal?: AbortSignal) => valueOf(request<TestResult>("POST", one(id, "/test"), of(signal))),
  rotate: (id: string, body: RotateSecret, idempotencyKey: string, ifMatch?: string | null) =>
    request<CreatedWebhook>("POST", one(id, "/secret/rotate"), { body, idempotencyKey, ifMatch: ifMatch ?? null }),
  completeRotation: (id: string, ifMatch: string | null) => request<Webhook>("POST", one(id, "/secret/complete"), { ifMatch }),
  cancelRotation: (id: string, ifMatch: string | null) => request<Webhook>("POST", one(id, "/secret/cancel"), { ifMatch }),
  /** preview shows what a template makes; id is null for a webhook that does not exist yet. */
  preview: (id: string | null, body: PreviewRequest, signal?: AbortSignal) =>
    valueOf(request<Preview>("POST", id === null ? "v1/template/preview" : one(id, "/template/preview"), { body, ...of(signal) })),
  stats: (id: string, hours: number, signal?: AbortSignal) =>
    valueOf(request<WebhookStats>("GET", one(id, "/stats"), { query: { hours }, ...of(signal) })),
  listDeliveries: (id: string, filter: DeliveryFilter, cursor?: string | null, signal?: AbortSignal) =>
    valueOf(
      request<List<Delivery>>("GET", one(id, "/deliveries"), { query: { limit: 50, ...filter, cursor: cursor ?? undefined }, ...of(signal) }),
    ),
  getDelivery: (id: string, deliveryId: string, signal?: AbortSignal) =>
    valueOf(request<DeliveryDetail>("GET", one(id, `/deliveries/${encodeURIComponent(deliveryId)}`), of(signal))),
  resend: (id: string, deliveryId: string) =>
    valueOf(request<Delivery>("POST", one(id, `/deliveries/${encodeURIComponent(deliveryId)}/resend`))),
  recover: (id: string, body: Recover) => valueOf(request<{ jobId: string }>("POST", one(id, "/recover"), { body })),
  getJob: (id: string, jobId: string, signal?: AbortSignal) =>
    valueOf(request<Job>("GET", one(id, `/jobs/${encodeURIComponent(jobId)}`), of(signal))),
  eventTypes: (signal?: AbortSignal) => valueOf(request<List<EventType>>("GET", "v1/event-types", of(signal))),
};

function of(signal?: AbortSignal): Pick<Options, "signal"> {
  return signal ? { signal } : {};
}

export { ApiError };
