import { eventTypeNames, type CreateWebhook, type EventTypeName, type JsonObject, type PatchWebhook, type TypeNaming, type Webhook } from "../api/types";

/** Values is what stands in the form. */
export interface Values {
  url: string;
  active: boolean;
  description: string;
  allEvents: boolean;
  eventTypes: EventTypeName[];
  typeNaming: TypeNaming;
  autoReactivate: boolean;
  /** keep: the header that is stored stays. */
  header: "none" | "keep" | "set";
  headerName: string;
  headerValue: string;
  /** stay: the secret that is stored stays, or one is generated. */
  secretChoice: "stay" | "own";
  secret: string;
  ownTemplate: boolean;
  templateText: string;
}

export const emptyValues: Values = {
  url: "",
  active: true,
  description: "",
  allEvents: true,
  eventTypes: [...eventTypeNames],
  typeNaming: "guide",
  autoReactivate: false,
  header: "none",
  headerName: "",
  headerValue: "",
  secretChoice: "stay",
  secret: "",
  ownTemplate: false,
  templateText: "",
};

export function valuesOf(w: Webhook): Values {
  return {
    url: w.url,
    active: w.active,
    description: w.description ?? "",
    allEvents: eventTypeNames.every((name) => w.eventTypes.includes(name)),
    eventTypes: eventTypeNames.filter((name) => w.eventTypes.includes(name)),
    typeNaming: w.typeNaming,
    autoReactivate: w.autoReactivate,
    header: w.authHeader ? "keep" : "none",
    headerName: w.authHeader?.name ?? "",
    headerValue: "",
    secretChoice: "stay",
    secret: "",
    ownTemplate: w.payloadTemplate !== null,
    templateText: w.payloadTemplate === null ? "" : JSON.stringify(w.payloadTemplate, null, 2),
  };
}

/** withoutSecrets is what may be kept as a draft. */
export function withoutSecrets(v: Values): Values {
  return { ...v, headerValue: "", secret: "" };
}

/** templateOf reads the template; undefined if it is no JSON object. */
export function templateOf(v: Values): JsonObject | null | undefined {
  if (!v.ownTemplate) {
    return null;
  }
  try {
    const template: unknown = JSON.parse(v.templateText);
    return typeof template === "object" && template !== null && !Array.isArray(template) ? (template as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function eventTypesOf(v: Values): EventTypeName[] | null {
  return v.allEvents ? null : v.eventTypes;
}

/** createBody is the request that makes the webhook: what has its default is left out. */
export function createBody(v: Values): CreateWebhook {
  const body: CreateWebhook = { url: v.url.trim(), active: v.active };
  if (v.description !== "") {
    body.description = v.description;
  }
  if (!v.allEvents) {
    body.eventTypes = v.eventTypes;
  }
  if (v.typeNaming !== "guide") {
    body.typeNaming = v.typeNaming;
  }
  if (v.autoReactivate) {
    body.autoReactivate = true;
  }
  if (v.header === "set") {
    body.authHeader = { name: v.headerName.trim(), value: v.headerValue };
  }
  if (v.secretChoice === "own") {
    body.secret = v.secret;
  }
  const template = templateOf(v);
  if (template) {
    body.payloadTemplate = template;
  }
  return body;
}

/** The parts of the form that are saved, compared and chosen as one. */
export const parts = ["url", "active", "description", "eventTypes", "typeNaming", "header", "secret", "template", "autoReactivate"] as const;
export type Part = (typeof parts)[number];

/** contentOf is what a part says, in a form in which it can be compared. */
function contentOf(part: Part, v: Values): unknown {
  switch (part) {
    case "url":
      return v.url.trim();
    case "eventTypes":
      return eventTypesOf(v);
    case "header":
      return v.header === "set" ? [v.headerName.trim(), v.headerValue] : v.header === "keep" ? ["", "", v.headerName] : null;
    case "secret":
      return v.secretChoice === "own" ? v.secret : null;
    case "template":
      return v.ownTemplate ? (templateOf(v) ?? v.templateText) : null;
    default:
      return v[part];
  }
}

export function differs(part: Part, a: Values, b: Values): boolean {
  return JSON.stringify(contentOf(part, a)) !== JSON.stringify(contentOf(part, b));
}

export function changedParts(from: Values, to: Values): Part[] {
  return parts.filter((part) => differs(part, from, to));
}

/** patchOf is the request that brings `from`, which is stored, to `to`. */
export function patchOf(from: Values, to: Values): PatchWebhook {
  const patch: PatchWebhook = {};
  for (const part of changedParts(from, to)) {
    switch (part) {
      case "url":
        patch.url = to.url.trim();
        break;
      case "description":
        patch.description = to.description === "" ? null : to.description;
        break;
      case "eventTypes":
        patch.eventTypes = eventTypesOf(to);
        break;
      case "header":
        patch.authHeader = headerPatch(from, to);
        break;
      case "secret":
        patch.secret = to.secret;
        break;
      case "template":
        patch.payloadTemplate = templateOf(to) ?? null;
        break;
      case "typeNaming":
        patch.typeNaming = to.typeNaming;
        break;
      case "active":
        patch.active = to.active;
        break;
      case "autoReactivate":
        patch.autoReactivate = to.autoReactivate;
        break;
    }
  }
  return patch;
}

/** headerPatch leaves the value out if it stays, which only a stored header's can. */
function headerPatch(from: Values, to: Values): PatchWebhook["authHeader"] {
  if (to.header !== "set") {
    return null;
  }
  const name = to.headerName.trim();
  return to.headerValue === "" && from.header === "keep" ? { name } : { name, value: to.headerValue };
}

/** take returns `v` with one part as it is in `from`. */
export function take(part: Part, v: Values, from: Values): Values {
  switch (part) {
    case "eventTypes":
      return { ...v, allEvents: from.allEvents, eventTypes: from.eventTypes };
    case "header":
      return { ...v, header: from.header, headerName: from.headerName, headerValue: from.headerValue };
    case "secret":
      return { ...v, secretChoice: from.secretChoice, secret: from.secret };
    case "template":
      return { ...v, ownTemplate: from.ownTemplate, templateText: from.templateText };
    default:
      return { ...v, [part]: from[part] };
  }
}

/** Merge is what three versions of a form make together. */
export interface Merge {
  /** `mine` on top of `theirs`, with theirs where both changed a part. */
  merged: Values;
  /** Parts that both changed, to different things: somebody must choose. */
  both: Part[];
  theirs: Part[];
  mine: Part[];
}

/** merge puts what was typed since `base` was loaded on top of what another saved meanwhile. */
export function merge(base: Values, theirs: Values, mine: Values): Merge {
  const m: Merge = { merged: theirs, both: [], theirs: [], mine: [] };
  for (const part of parts) {
    const byThem = differs(part, base, theirs);
    const byMe = differs(part, base, mine);
    if (byThem && byMe && differs(part, theirs, mine)) {
      m.both.push(part);
    } else if (byThem) {
      m.theirs.push(part);
    } else if (byMe) {
      m.mine.push(part);
      m.merged = take(part, m.merged, mine);
    }
  }
  return m;
}
