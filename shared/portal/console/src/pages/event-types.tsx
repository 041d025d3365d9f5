import type { PageProps } from "../app";
import { Page } from "../ui";

export function EventTypesPage(p: PageProps) {
  return <Page title="Event types">{JSON.stringify(p.params)}</Page>;
}
