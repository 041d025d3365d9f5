import type { PageProps } from "../app";
import { WebhookPage } from "../ui";

export function RecoverPage(p: PageProps) {
  return <WebhookPage id={p.params["id"] ?? ""} tab="recover" title="Recover">{JSON.stringify(p.params)}</WebhookPage>;
}
