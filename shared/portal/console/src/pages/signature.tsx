import type { PageProps } from "../app";
import { Page } from "../ui";

export function SignaturePage(p: PageProps) {
  return <Page title="Signature helper">{JSON.stringify(p.params)}</Page>;
}
