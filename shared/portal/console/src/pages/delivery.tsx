import type { PageProps } from "../app";
import { WebhookPage } from "../ui";

export function DeliveryPage(p: PageProps) {
  return <WebhookPage id={p.params["id"] ?? ""} tab="logs" title="Delivery">{JSON.stringify(p.params)}</WebhookPage>;
}
