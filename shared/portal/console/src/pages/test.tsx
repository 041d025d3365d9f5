import type { PageProps } from "../app";
import { WebhookPage } from "../ui";

export function TestPage(p: PageProps) {
  return <WebhookPage id={p.params["id"] ?? ""} tab="test" title="Test webhook">{JSON.stringify(p.params)}</WebhookPage>;
}
