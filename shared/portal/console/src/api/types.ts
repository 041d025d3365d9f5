// The API's types, as its OpenAPI document describes them.

export const eventTypeNames = [
  "verification.completed",
  "verification.failed",
  "verification.expired",
  "verification.manual_review_completed",
] as const;
export type EventTypeName = (typeof eventTypeNames)[number];

export const deliveryStates = [
  "pending",
  "delivered",
  "exhausted",
  "held",
  "cancelled",
  "undeliverable",
  "expired",
] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export const recoverableStates = ["exhausted", "undeliverable", "expired", "held"] as const;
export type RecoverableState = (typeof recoverableStates)[number];

export type HealthColour = "grey" | "green" | "yellow" | "red";
export type TypeNaming = "guide" | "detailed";

export type ErrorCode =
  | "dns_error"
  | "blocked_address"
  | "connection_refused"
  | "connection_reset"
  | "connect_timeout"
  | "tls_error"
  | "timeout"
  | "http_status"
  | "protocol_error"
  | "interrupted";

export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };
export type JsonObject = { [name: string]: JsonValue };

/** List is one page of a list; nextCursor continues it and is null at its end. */
export interface List<T> {
  items: T[];
  nextCursor: string | null;
}

export interface AuthHeader {
  name: string;
  /** Always a mask in answers. */
  value: string;
}

export interface Deactivation {
  at: string;
  reason: "failures" | "partner";
  deliveryId: string | null;
}

export interface Rotation {
  endsAt: string;
  secretHint: string;
}

export interface Drain {
  state: "running" | "done" | "stopped";
  done: number;
  total: number;
}

export interface Webhook {
  id: string;
  url: string;
  active: boolean;
  createdAt: string;
  updatedAt: string;
  lastDeliveryAt: string | null;
  successRate: number | null;
  health: HealthColour;
  healthReason: string;
  eventTypes: EventTypeName[];
  typeNaming: TypeNaming;
  autoReactivate: boolean;
  description: string | null;
  authHeader: AuthHeader | null;
  payloadTemplate: JsonObject | null;
  secretHint: string;
  rotation: Rotation | null;
  deactivation: Deactivation | null;
  heldCount: number;
  heldCountCapped: boolean;
  drain: Drain | null;
}

/** CreatedWebhook is the answer to a creation or a rotation, the only one that shows the secret. */
export interface CreatedWebhook extends Webhook {
  secret: string;
}

export interface CreateWebhook {
  url: string;
  active?: boolean;
  autoReactivate?: boolean;
  description?: string | null;
  eventTypes?: EventTypeName[] | null;
  typeNaming?: TypeNaming | null;
  authHeader?: AuthHeader | null;
  payloadTemplate?: JsonObject | null;
  secret?: string | null;
}

/** PatchWebhook is a JSON merge patch: what is left out stays. */
export interface PatchWebhook {
  url?: string;
  active?: boolean;
  autoReactivate?: boolean;
  description?: string | null;
  eventTypes?: EventTypeName[] | null;
  typeNaming?: TypeNaming | null;
  authHeader?: { name?: string; value?: string } | null;
  payloadTemplate?: JsonObject | null;
  secret?: string;
}

export interface RotateSecret {
  secret?: string;
  overlapHours?: number;
  replace?: boolean;
}

export interface Preview {
  eventType: EventTypeName;
  body: string;
  size: number;
}

export interface PreviewRequest {
  eventType?: EventTypeName;
  payloadTemplate?: JsonObject | null;
  typeNaming?: TypeNaming;
  verificationId?: string;
}

export interface AttemptError {
  code: ErrorCode;
  message: string;
}

export interface TestResult {
  delivered: boolean;
  statusCode: number | null;
  durationMs: number;
  error: AttemptError | null;
  request: { headers: Record<string, string>; body: string };
  response: { headers: Record<string, string>; body: string } | null;
}

export interface Delivery {
  id: string;
  state: DeliveryState;
  eventType: EventTypeName;
  verificationId: string;
  createdAt: string;
  updatedAt: string;
  attempts: number;
  lastStatusCode: number | null;
  lastErrorCode: string | null;
  nextAttemptAt: string | null;
  resendRequestedAt: string | null;
  reason: string | null;
}

export interface Attempt {
  number: number;
  startedAt: string;
  durationMs: number;
  manual: boolean;
  statusCode: number | null;
  error: AttemptError | null;
  response: string | null;
}

export interface DeliveryDetail extends Delivery {
  /** The exact body that is sent; null if it could not be built. */
  body: string | null;
  /** The latest attempts, oldest first. */
  attemptLog: Attempt[];
}

export interface DeliveryFilter {
  state?: DeliveryState;
  eventType?: EventTypeName;
  verificationId?: string;
  since?: string;
  until?: string;
}

export interface Recover {
  since: string;
  until?: string;
  states: RecoverableState[];
  eventType?: EventTypeName;
  dryRun?: boolean;
}

export interface Job {
  id: string;
  kind: "drain" | "recover";
  state: "running" | "done" | "stopped";
  done: number;
  total: number;
  dryRun: boolean;
  createdAt: string;
  updatedAt: string;
}

export interface EventType {
  name: EventTypeName;
  sentWhen: string;
  sample: { guide: JsonObject; detailed: JsonObject };
}

export interface StatsCounts {
  delivered: number;
  /** Attempts that failed; a delivery may have several and succeed after them. */
  failed: number;
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface HourStats extends StatsCounts {
  hour: string;
}

/** WebhookStats has every hour asked for, oldest first. */
export interface WebhookStats {
  items: HourStats[];
  total: StatsCounts;
}

export interface Fault {
  location: string;
  message: string;
}
