import { useRef } from "preact/hooks";
import { api } from "../api/client";
import type { HourStats, List, Webhook } from "../api/types";
import { useData } from "../hooks";
import { limiter } from "../lib/limit";
import { percent, plural, shortUrl, visible } from "../lib/text";
import { link } from "../router";
import { Breakable, Button, ButtonLink, Cards, Empty, Health, Icon, Loaded, Page, Progress, Status, Time } from "../ui";
import { Sparkline } from "../ui/sparkline";
import { seen } from "../webhooks";

/** How often the list is loaded again: often while something moves. */
const calm = 30_000;
const moving = 2_000;

/** The statistics are many small requests: they leave room for those that somebody waits for. */
const statsLimit = limiter(3);
const statsEvery = 60_000;

export function ListPage() {
  const pages = useRef(1);
  const data = useData((signal) => load(pages.current, signal), [], {
    poll: (list) => (list?.items.some((w) => w.drain?.state === "running") ? moving : calm),
  });
  const more = () => {
    pages.current++;
    data.reload();
  };
  const empty = data.value?.items.length === 0;
  return (
    <Page
      wide
      title="Webhooks"
      actions={
        !empty && (
          <ButtonLink kind="primary" href={link.create()}>
            <Icon name="plus" /> Create webhook
          </ButtonLink>
        )
      }
      lead={!empty && "Where we send the results of your verifications, and how that is going."}
    >
      <Loaded data={data} what="your webhooks">
        {({ items, nextCursor }) =>
          items.length === 0 ? (
            <Nothing />
          ) : (
            <>
              <Table items={items} />
              {nextCursor !== null && (
                <div class="actions">
                  <Button busy={data.loading} onClick={more}>
                    Load more
                  </Button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** load returns the first pages as one. */
async function load(pages: number, signal: AbortSignal): Promise<List<Webhook>> {
  const all: List<Webhook> = { items: [], nextCursor: null };
  for (let i = 0; i < pages && (i === 0 || all.nextCursor !== null); i++) {
    const page = await api.listWebhooks(all.nextCursor, signal);
    all.items.push(...page.items);
    all.nextCursor = page.nextCursor;
  }
  all.items.forEach(seen);
  return all;
}

function Nothing() {
  return (
    <Empty
      title="No webhooks yet"
      action={
        <ButtonLink kind="primary" href={link.create()}>
          <Icon name="plus" /> Create webhook
        </ButtonLink>
      }
    >
      <p>
        A webhook is an address of yours that we call: when a verification ends, we send its result there at once, so that you need not
        ask again and again.
      </p>
      <ol class="steps">
        <li>
          <strong>Create a webhook.</strong> You need an https address of your server that takes a POST request. You get a secret with
          which it can check that a request is from us.
        </li>
        <li>
          <strong>Send a test.</strong> You see at once what was sent and what your server answered.
        </li>
        <li>
          <strong>Watch it here.</strong> Failures are retried; if your server stays down, its events are held for it.
        </li>
      </ol>
      <p>
        See <a href={link.eventTypes()}>what is sent and when</a>, or <a href={link.signature()}>how to check a signature</a>.
      </p>
    </Empty>
  );
}

const columns = ["Webhook URL", "Status and health", "Last 24 hours", "Last delivery", "Created"];

function Table(p: { items: Webhook[] }) {
  return (
    <div class="card table-card">
      <Cards kind="webhooks" label="Webhooks" columns={columns}>
        {p.items.map((w) => (
          <Row key={w.id} webhook={w} />
        ))}
      </Cards>
    </div>
  );
}

function Row({ webhook: w }: { webhook: Webhook }) {
  return (
    <tr role="row">
      <td role="cell">
        <a class="webhook-url" href={link.webhook(w.id)}>
          <Breakable text={visible(shortUrl(w.url))} />
        </a>
        {w.description && <p class="webhook-description">{visible(w.description)}</p>}
        <p class="row-links">
          <a href={link.logs(w.id)} aria-label={`View logs of ${w.url}`}>
            Logs
          </a>
          <a href={link.test(w.id)} aria-label={`Test ${w.url}`}>
            Test
          </a>
          <a href={link.edit(w.id)} aria-label={`Edit ${w.url}`}>
            Edit
          </a>
        </p>
      </td>
      <td role="cell">
        <div class="webhook-state">
          <Status webhook={w} />
          <Health webhook={w} />
        </div>
        <Waiting webhook={w} />
      </td>
      <td role="cell" data-label="Last 24 hours">
        <LastDay webhook={w} />
      </td>
      <td role="cell" data-label="Last delivery">
        {w.lastDeliveryAt ? <Time at={w.lastDeliveryAt} /> : <span class="muted">None yet</span>}
      </td>
      <td role="cell" data-label="Created">
        <Time at={w.createdAt} />
      </td>
    </tr>
  );
}

/** Waiting tells of events that are held, and of their delivery. */
function Waiting({ webhook: w }: { webhook: Webhook }) {
  const draining = w.drain?.state === "running";
  if (!draining && w.heldCount === 0) {
    return null;
  }
  return (
    <div class="waiting">
      {draining && w.drain ? (
        <>
          <span>Delivering held events</span>
          <Progress label={`Delivery of held events to ${w.url}`} done={w.drain.done} total={w.drain.total} />
        </>
      ) : (
        <span>{w.heldCountCapped ? `More than ${plural(w.heldCount, "event")}` : plural(w.heldCount, "event")} held</span>
      )}
    </div>
  );
}

/** LastDay is the success rate over the hours it is made of. Without the statistics the rate stands alone. */
function LastDay({ webhook: w }: { webhook: Webhook }) {
  const stats = useData((signal) => statsLimit(() => api.stats(w.id, 24, signal), signal), [w.id], { poll: () => statsEvery });
  const hours: HourStats[] = stats.value?.items ?? [];
  const any = hours.some((h) => h.delivered + h.failed > 0);
  return (
    <div class="last-day">
      <span class="numbers">{w.successRate === null ? <span class="muted">No deliveries</span> : `${percent(w.successRate)} delivered`}</span>
      {any && <Sparkline hours={hours} />}
    </div>
  );
}
