import type { ComponentType } from "preact";
import { ListPage } from "./pages/list";
import { guarded, leave, leaving, link, losing, route, stay, type Route } from "./router";
import { arrival, ask, dismissed, ended, signedIn, signOut, veiled } from "./session";
import { Button, ButtonLink, Dialog, DialogActions, Empty, Page } from "./ui";
import { Boundary } from "./ui/boundary";
import { Lazy } from "./ui/lazy";
import { ArrivalDialog, SessionDialog, SignIn } from "./ui/session";
import { Toasts } from "./ui/toasts";

/** PageProps is what each page is given: the parts of its address. */
export type PageProps = Pick<Route, "params" | "query">;

interface PageOf {
  load: () => Promise<ComponentType<PageProps>>;
  /** Whether it shows something without a session. */
  open?: boolean;
}

/** The pages that are not needed at once are loaded when they are first shown. */
const pages: Record<Exclude<Route["page"], "unknown" | "list">, PageOf> = {
  create: { load: async () => (await import("./pages/create")).CreatePage },
  webhook: { load: async () => (await import("./pages/webhook")).WebhookOverviewPage },
  edit: { load: async () => (await import("./pages/edit")).EditPage },
  test: { load: async () => (await import("./pages/test")).TestPage },
  logs: { load: async () => (await import("./pages/logs")).LogsPage },
  delivery: { load: async () => (await import("./pages/delivery")).DeliveryPage },
  recover: { load: async () => (await import("./pages/recover")).RecoverPage },
  signature: { load: async () => (await import("./pages/signature")).SignaturePage, open: true },
  eventTypes: { load: async () => (await import("./pages/event-types")).EventTypesPage },
};

const sections = [
  { text: "Webhooks", href: link.list(), current: (p: Route["page"]) => p !== "signature" && p !== "eventTypes" && p !== "unknown" },
  { text: "Signature helper", href: link.signature(), current: (p: Route["page"]) => p === "signature" },
  { text: "Event types", href: link.eventTypes(), current: (p: Route["page"]) => p === "eventTypes" },
  { text: "API documentation", href: link.docs(), current: () => false },
];

export function App() {
  const { page } = route.value;
  return (
    <>
      <header class="top">
        <a
          class="skip"
          href={location.hash || "#"}
          onClick={(e) => {
            e.preventDefault();
            document.querySelector<HTMLElement>("main h1")?.focus();
          }}
        >
          Skip to the content
        </a>
        <a class="brand" href={link.list()}>
          Verification webhooks
        </a>
        <nav aria-label="Main">
          {sections.map((s) => (
            <a key={s.text} href={s.href} aria-current={s.current(page) ? "page" : undefined}>
              {s.text}
            </a>
          ))}
        </nav>
        {signedIn.value && (
          <Button small kind="quiet" onClick={() => guarded(signOut)}>
            Sign out
          </Button>
        )}
      </header>
      {ended.value && dismissed.value && (
        <div class="session-bar" role="status">
          <span>Your session has ended. Nothing can be loaded or saved until you go on with a new one.</span>
          <Button small onClick={ask}>
            Continue session
          </Button>
        </div>
      )}
      <main>
        {!veiled.value && (
          <Boundary key={keyOf(route.value)}>
            <Current route={route.value} />
          </Boundary>
        )}
      </main>
      {ended.value && !dismissed.value && <SessionDialog />}
      {arrival.value && <ArrivalDialog key={arrival.value.token} {...arrival.value} />}
      {leaving.value !== null && <LeaveDialog />}
      <Toasts />
    </>
  );
}

/** keyOf tells pages apart: they are mounted anew for each webhook and delivery. */
function keyOf(r: Route): string {
  return [r.page, ...Object.values(r.params)].join("/");
}

/** Current is the page of a route. */
function Current(p: { route: Route }) {
  const { page, params, query } = p.route;
  if (page === "unknown") {
    return (
      <Page title="Page not found">
        <Empty title="There is nothing at this address" action={<ButtonLink href={link.list()}>Go to your webhooks</ButtonLink>}>
          <p>The link may be incomplete, or from another version of this page.</p>
        </Empty>
      </Page>
    );
  }
  if (!signedIn.value && !(page !== "list" && pages[page].open)) {
    return <SignIn />;
  }
  if (page === "list") {
    return <ListPage />;
  }
  return <Lazy load={pages[page].load} props={{ params, query }} />;
}

function LeaveDialog() {
  return (
    <Dialog title="Leave this page?" onClose={stay}>
      <p>{losing()}</p>
      <DialogActions>
        <Button onClick={stay}>Stay on this page</Button>
        <Button kind="danger" onClick={leave}>
          Leave
        </Button>
      </DialogActions>
    </Dialog>
  );
}
