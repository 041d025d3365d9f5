import { useEffect, useRef, useState } from "preact/hooks";
import type { PageProps } from "../app";
import { ApiError, describe } from "../api/error";
import { addressOf, isEmpty, rangeFault, readFilter, type Filter } from "../logs/filter";
import { Filters } from "../logs/filters";
import { Table } from "../logs/table";
import { useLog, type LogView } from "../logs/use-log";
import { plural } from "../lib/text";
import { link, navigate } from "../router";
import { Button, ButtonLink, Check, Empty, Loaded, Notice, Time, WebhookPage } from "../ui";
import { useWebhook } from "../webhooks";

export function LogsPage(p: PageProps) {
  const id = p.params["id"] ?? "";
  const webhook = useWebhook(id).value?.value;
  const filter = readFilter(p.query);
  const [live, setLive] = useState(true);
  const narrow = (to: Filter) => navigate(link.logs(id, addressOf(to)), { replace: true });
  return (
    <WebhookPage
      id={id}
      url={webhook?.url}
      tab="logs"
      title="Logs"
      wide
      lead="Every event for this webhook, newest first."
      actions={<Check role="switch" label="Live updates" checked={live} onChange={setLive} />}
    >
      <Filters filter={filter} onChange={narrow} />
      {rangeFault(filter) === null ? (
        <Listing id={id} filter={filter} live={live} clear={() => narrow({})} />
      ) : (
        <Notice tone="warn" title="The range ends before it begins">
          <p>Choose another beginning or end above.</p>
        </Notice>
      )}
    </WebhookPage>
  );
}

function Listing(p: { id: string; filter: Filter; live: boolean; clear: () => void }) {
  const view = useLog(p.id, p.filter, p.live);
  const list = useRef<HTMLElement>(null);
  useScrollBack(view);

  const toTop = () => {
    view.showUnseen();
    list.current?.scrollIntoView({ block: "start" });
    list.current?.focus({ preventScroll: true });
  };
  return (
    <section class="listing" aria-label="Deliveries" ref={list} tabIndex={-1}>
      <TopMark onSeen={view.atTop} />
      <Unseen {...view.unseen} show={toTop} />
      <Loaded data={view.data} what="the deliveries">
        {(log) => (
          <>
            {log.items.length > 0 ? (
              <div class="card table-card">
                <Table webhookId={p.id} items={log.items} onOpen={view.leave} />
              </div>
            ) : (
              log.cursor === null && <Nothing id={p.id} filtered={!isEmpty(p.filter)} clear={p.clear} />
            )}
            <Older view={view} clear={p.clear} />
          </>
        )}
      </Loaded>
    </section>
  );
}

/** useScrollBack brings one who comes back from a delivery to where one was. */
function useScrollBack(view: LogView): void {
  useEffect(() => {
    const { back } = view;
    if (back) {
      // After the page's own effect, which begins at the top.
      queueMicrotask(() => {
        scrollTo(0, back.scroll);
        document.querySelector<HTMLElement>(`.row-link[href$="${CSS.escape(back.delivery)}"]`)?.focus({ preventScroll: true });
      });
    }
  }, []);
}

/** TopMark tells whether the beginning of the list can be seen. */
function TopMark(p: { onSeen: (seen: boolean) => void }) {
  const mark = useRef<HTMLDivElement>(null);
  const latest = useRef(p.onSeen);
  latest.current = p.onSeen;
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      const last = entries.at(-1);
      // Below the window is at the top as well: nothing of the list is read yet.
      latest.current(last !== undefined && (last.isIntersecting || last.boundingClientRect.top > 0));
    });
    if (mark.current) {
      observer.observe(mark.current);
    }
    return () => observer.disconnect();
  }, []);
  return <div ref={mark} class="top-mark" />;
}

/** Unseen offers what is new, in place of moving what one reads. */
function Unseen(p: { count: number; more: boolean; show: () => void }) {
  return (
    <div role="status" class="unseen-count">
      {p.count > 0 && (
        <Button small kind="primary" onClick={p.show}>
          {p.more ? `More than ${p.count} new` : `${p.count} new`}
        </Button>
      )}
    </div>
  );
}

/** Older loads older ones when the end of the list comes near, and offers a button for it. */
function Older({ view, clear }: { view: LogView; clear: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  const { older, stalled } = view;
  const log = view.data.value;
  const more = log !== undefined && log.cursor !== null;
  const load = useRef(older.run);
  load.current = older.run;
  const ready = more && !older.running && older.error === undefined && !stalled;
  useEffect(() => {
    if (!ready || !mark.current) {
      return;
    }
    const observer = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && void load.current(), { rootMargin: "600px" });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [ready, log?.cursor]);
  if (log === undefined || (!more && log.items.length === 0)) {
    return null;
  }
  if (!more) {
    return <p class="older muted">That is all: {plural(log.items.length, "delivery", "deliveries")}. Finished ones are kept for 30 days.</p>;
  }
  const oldest = log.items.at(-1);
  return (
    <div class="older" ref={mark}>
      {older.error !== undefined && (
        <Notice tone="bad" title="Could not load older deliveries">
          <p>{describe(older.error)}</p>
          {older.error instanceof ApiError && older.error.status === 400 && <p>The list may have been open for too long. Reload the page.</p>}
        </Notice>
      )}
      {stalled && !older.running && (
        <p class="muted" role="status">
          {oldest ? (
            <>
              The oldest match so far is from <Time at={oldest.createdAt} exact />; a good way back from there is nothing more.
            </>
          ) : (
            "No match so far among the newest deliveries."
          )}{" "}
          Older ones have not been searched yet.
        </p>
      )}
      <div class="actions">
        <Button busy={older.running} onClick={() => void older.run()}>
          {older.running ? (stalled || log.items.length === 0 ? "Searching …" : "Loading …") : stalled ? "Search further back" : older.error === undefined ? "Load more" : "Try again"}
        </Button>
        {stalled && !older.running && (
          <Button kind="quiet" onClick={clear}>
            Show all deliveries
          </Button>
        )}
      </div>
    </div>
  );
}

function Nothing(p: { id: string; filtered: boolean; clear: () => void }) {
  if (p.filtered) {
    return (
      <Empty title="Nothing matches these filters" action={<Button onClick={p.clear}>Show all deliveries</Button>}>
        <p>No delivery of this webhook is like that. Finished deliveries are kept for 30 days.</p>
      </Empty>
    );
  }
  return (
    <Empty
      title="No deliveries yet"
      action={
        <ButtonLink kind="primary" href={link.test(p.id)}>
          Send a test
        </ButtonLink>
      }
    >
      <p>When a verification ends, its delivery appears here by itself: what was sent, every attempt, and what your server answered.</p>
      <p>A test shows at once whether your endpoint works. It is not listed here.</p>
    </Empty>
  );
}
