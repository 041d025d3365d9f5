import type { ComponentType } from "preact";
import { useData } from "../hooks";
import { Button } from "./button";
import { Page } from "./page";
import { Loading, Notice } from "./states";

interface LazyProps<P> {
  load: () => Promise<ComponentType<P>>;
  props: P;
}

/**
 * Lazy shows a component that is loaded first. A browser remembers that a script could not be loaded, and after a release
 * it may be gone, so what helps is to load the page anew.
 */
export function Lazy<P extends object>({ load, props }: LazyProps<P>) {
  const { value, error } = useData(async () => ({ component: await load() }), []);
  if (value) {
    const Component = value.component;
    return <Component {...props} />;
  }
  if (error === undefined) {
    return <Loading what="the page" />;
  }
  return (
    <Page title="This page could not be loaded">
      <Notice tone="bad" title="A part of the console did not arrive">
        <p>Check your connection. It may also be that a new version was released meanwhile.</p>
        <Button small onClick={() => location.reload()}>
          Reload
        </Button>
      </Notice>
    </Page>
  );
}
