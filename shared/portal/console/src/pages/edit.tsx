import type { PageProps } from "../app";
import { WebhookPage } from "../ui";

export function EditPage(p: PageProps) {
  return <WebhookPage id={p.params["id"] ?? ""} tab="edit" title="Edit webhook">{JSON.stringify(p.params)}</WebhookPage>;
}
