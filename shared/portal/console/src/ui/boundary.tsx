import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { Button } from "./button";
import { Page } from "./page";
import { Notice } from "./states";

/** Boundary keeps a fault of one page from taking the others with it. The fault is still told to the browser's console. */
export function Boundary(p: { children: ComponentChildren }) {
  const [error] = useErrorBoundary((e) => reportError(e));
  if (error === undefined) {
    return <>{p.children}</>;
  }
  return (
    <Page title="This page has a fault">
      <Notice tone="bad" title="Something went wrong in this page">
        <p>That is our mistake. What you saved or sent before is not touched by it. Reload the page to go on.</p>
        <Button small onClick={() => location.reload()}>
          Reload
        </Button>
      </Notice>
    </Page>
  );
}
