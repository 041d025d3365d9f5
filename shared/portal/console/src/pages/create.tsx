import type { PageProps } from "../app";
import { Page } from "../ui";

export function CreatePage(p: PageProps) {
  return <Page title="Create webhook">{JSON.stringify(p.params)}</Page>;
}
