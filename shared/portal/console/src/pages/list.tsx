import { Page } from "../ui";

export function ListPage() {
  return <Page title="Webhooks">…</Page>;
}
