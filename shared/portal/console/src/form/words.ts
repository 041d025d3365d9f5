import { errorOf, type FieldErrors } from "../api/error";
import type { EventTypeName } from "../api/types";
import { templateOf, type Part, type Values } from "./values";

/** The form's fields by the API's names, in their order, with what they are called. */
export const labels = {
  url: "Webhook URL",
  active: "Status",
  description: "Description",
  eventTypes: "Events",
  typeNaming: "Type in the body",
  "authHeader.name": "Header name",
  "authHeader.value": "Header value",
  authHeader: "Webhook Authentication Header",
  secret: "Signing secret",
  payloadTemplate: "Payload template",
  autoReactivate: "Automatic reactivation",
} as const;
export type FieldName = keyof typeof labels;

export const fieldNames = Object.keys(labels) as FieldName[];

/** idOf is the element that a summary of errors leads to. */
export function idOf(field: FieldName): string {
  return `field-${field}`;
}

/** faultIn returns what is wrong with a field; of the template also where in it. */
export function faultIn(errors: FieldErrors, field: FieldName): string | undefined {
  const message = field === "authHeader" ? errors.get(field) : errorOf(errors, field);
  if (field !== "payloadTemplate" || message === undefined) {
    return message;
  }
  const path = [...errors.keys()].find((p) => errors.get(p) === message && p.startsWith(field));
  const below = path?.slice(field.length).replace(/^\./, "") ?? "";
  return below === "" ? message : `${below}: ${message}`;
}

/** What each event type means, in the form's words. */
export const eventTexts: Record<EventTypeName, string> = {
  "verification.completed": "A verification is successfully completed",
  "verification.failed": "A verification fails",
  "verification.expired": "A verification expires",
  "verification.manual_review_completed": "A manual review is completed",
};

export const partLabels: Record<Part, string> = {
  url: labels.url,
  active: labels.active,
  description: labels.description,
  eventTypes: labels.eventTypes,
  typeNaming: labels.typeNaming,
  header: labels.authHeader,
  secret: labels.secret,
  template: labels.payloadTemplate,
  autoReactivate: labels.autoReactivate,
};

/** say tells what a part holds, secrets aside. */
export function say(part: Part, v: Values): string {
  switch (part) {
    case "url":
      return v.url.trim() || "Empty";
    case "active":
      return v.active ? "Active" : "Inactive";
    case "description":
      return v.description || "Empty";
    case "eventTypes":
      return v.allEvents ? "All events" : v.eventTypes.join(", ") || "None";
    case "typeNaming":
      return v.typeNaming === "guide" ? "Always verification.completed" : "The event's own type";
    case "header":
      return sayHeader(v);
    case "secret":
      return v.secretChoice === "own" ? "The one you typed" : "The stored one";
    case "template":
      return sayTemplate(v);
    case "autoReactivate":
      return v.autoReactivate ? "On" : "Off";
  }
}

function sayHeader(v: Values): string {
  if (v.header === "none") {
    return "No header";
  }
  return v.header === "keep" || v.headerValue === "" ? `${v.headerName} with its stored value` : `${v.headerName} with the value you typed`;
}

function sayTemplate(v: Values): string {
  const template = templateOf(v);
  return template === null ? "The default body" : template ? JSON.stringify(template, null, 2) : v.templateText;
}
