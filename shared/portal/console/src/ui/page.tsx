import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { shortUrl, visible } from "../lib/text";
import { link } from "../router";
import { urlOf } from "../webhooks";
import { Breakable } from "./breakable";

interface PageProps {
  title: string;
  /** What the tab of the browser says, if the title alone would not tell enough. */
  documentTitle?: string;
  /** Where it is: links from the top. */
  crumbs?: { href: string; text: string }[];
  actions?: ComponentChildren;
  /** A line below the title. */
  lead?: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean;
}

let first = true;

/** Page sets the title, and moves the focus to the heading when one has come from another page. */
export function Page(p: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const title = p.documentTitle ?? p.title;
  useEffect(() => {
    document.title = `${title} · Verification webhooks`;
  }, [title]);
  useEffect(() => {
    if (!first) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first = false;
  }, []);
  return (
    <div class={p.wide ? "page wide" : "page"}>
      {p.crumbs && (
        <nav class="crumbs" aria-label="Breadcrumb">
          <ol>
            {p.crumbs.map((c) => (
              <li key={c.href}>
                <a href={c.href}>{visible(c.text)}</a>
              </li>
            ))}
          </ol>
        </nav>
      )}
      <header class="page-head">
        <h1 tabIndex={-1} ref={heading}>
          <Breakable text={visible(p.title)} />
        </h1>
        {p.actions && <div class="actions">{p.actions}</div>}
      </header>
      {p.lead && <div class="lead">{p.lead}</div>}
      {p.children}
    </div>
  );
}

const tabs = [
  { page: "overview", text: "Overview", href: link.webhook },
  { page: "logs", text: "Logs", href: (id: string) => link.logs(id) },
  { page: "test", text: "Test", href: link.test },
  { page: "recover", text: "Recover", href: (id: string) => link.recover(id) },
  { page: "edit", text: "Edit", href: link.edit },
] as const;

interface WebhookPageProps extends Omit<PageProps, "crumbs"> {
  id: string;
  /** The webhook's URL once it is known; one that was seen before need not be given. */
  url?: string | undefined;
  tab: (typeof tabs)[number]["page"];
}

/** WebhookPage is a page about one webhook, with the way to the others about it. */
export function WebhookPage(p: WebhookPageProps) {
  const url = p.url ?? urlOf(p.id);
  const name = url ? shortUrl(url) : p.id;
  const title = p.documentTitle ?? (p.tab === "overview" ? name : `${p.title} · ${name}`);
  const crumbs = [{ href: link.list(), text: "Webhooks" }];
  if (p.tab !== "overview") {
    crumbs.push({ href: link.webhook(p.id), text: name });
  }
  return (
    <Page {...p} documentTitle={title} crumbs={crumbs}>
      <nav class="tabs" aria-label="Webhook">
        {tabs.map((t) => (
          <a key={t.page} href={t.href(p.id)} aria-current={t.page === p.tab ? "page" : undefined}>
            {t.text}
          </a>
        ))}
      </nav>
      {p.children}
    </Page>
  );
}

/** Card is a part of a page with a heading of its own. */
export function Card(p: { title?: string; actions?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="card">
      {p.title && (
        <header class="card-head">
          <h2>{p.title}</h2>
          {p.actions && <div class="actions">{p.actions}</div>}
        </header>
      )}
      {p.children}
    </section>
  );
}

/** Facts is a list of names and values. Values that are not there are left out. */
export function Facts(p: { items: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {p.items
        .filter(([, value]) => value !== null && value !== undefined && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
