import type { PageProps } from "../app";
import { WebhookPage } from "../ui";

export function LogsPage(p: PageProps) {
  return <WebhookPage id={p.params["id"] ?? ""} tab="logs" title="Delivery log">{JSON.stringify(p.params)}</WebhookPage>;
}
