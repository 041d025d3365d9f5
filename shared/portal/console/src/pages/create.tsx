import { useRef, useState } from "preact/hooks";
import { api, newIdempotencyKey } from "../api/client";
import { ApiError } from "../api/error";
import { eventTypeNames, type CreatedWebhook, type CreateWebhook } from "../api/types";
import type { PageProps } from "../app";
import { useForm } from "../form/draft";
import { templateFault, WebhookForm } from "../form/form";
import { Restored } from "../form/restored";
import { createBody, emptyValues, type Values } from "../form/values";
import { useAction } from "../hooks";
import { link } from "../router";
import { ButtonLink, Card, Facts, Inline, Notice, Page, Status } from "../ui";
import { SecretOnce } from "../ui/secret";
import { seen } from "../webhooks";

/** Made is a webhook that was created, perhaps by an earlier try with what stood in the form then. */
interface Made {
  webhook: CreatedWebhook;
  earlier: boolean;
}

/** beginning is an empty form; the page of event types asks for one of them alone. */
function beginning(query: URLSearchParams): Values {
  const eventTypes = eventTypeNames.filter((name) => query.getAll("eventType").includes(name));
  return eventTypes.length > 0 ? { ...emptyValues, allEvents: false, eventTypes } : emptyValues;
}

export function CreatePage(p: PageProps) {
  const form = useForm("new", beginning(p.query), { key: newIdempotencyKey() });
  const unknown = useRef<CreateWebhook | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const save = useAction(async () => {
    const fault = templateFault(form.values);
    if (fault) {
      throw fault;
    }
    const body = createBody(form.values);
    const result = await create(body, form.extra.key, unknown.current).catch((e: unknown) => {
      if (e instanceof ApiError && e.outcomeUnknown) {
        unknown.current ??= body;
      }
      throw e;
    });
    seen(result.webhook);
    form.forget();
    setMade(result);
  });
  if (made) {
    return <Created {...made} />;
  }
  const discard = () => form.restart(emptyValues, { key: newIdempotencyKey() });
  return (
    <Page
      title="Create webhook"
      crumbs={[{ href: link.list(), text: "Webhooks" }]}
      lead="Only the URL is needed; everything else can be changed later."
    >
      <WebhookForm
        values={form.values}
        set={form.set}
        webhook={null}
        error={save.error}
        saving={save.running}
        save={() => void save.run()}
        cancelHref={link.list()}
      >
        {form.restored && <Restored {...form.restored} discard={discard} />}
      </WebhookForm>
    </Page>
  );
}

/**
 * create makes the webhook once, however often it is tried with a key. If an earlier try took effect, its answer was lost,
 * and the form says something else by now, the API refuses the key; then the earlier answer is asked for, with its secret.
 */
async function create(body: CreateWebhook, key: string, earlier: CreateWebhook | null): Promise<Made> {
  try {
    return { webhook: (await api.createWebhook(body, key)).value, earlier: false };
  } catch (e) {
    const used = e instanceof ApiError && e.errors.some((f) => f.location === "header.Idempotency-Key");
    if (!used) {
      throw e;
    }
    if (earlier === null) {
      throw new ApiError(409, "conflict", "", madeAlready);
    }
    return { webhook: (await api.createWebhook(earlier, key)).value, earlier: true };
  }
}

const madeAlready =
  "An earlier try, with other values, has worked already: you find it in the list of webhooks. Its secret was not shown; rotate it there.";

function Created({ webhook, earlier }: Made) {
  const [stored, setStored] = useState(false);
  return (
    <Page title="Webhook created" crumbs={[{ href: link.list(), text: "Webhooks" }]}>
      {earlier && (
        <Notice tone="warn" title="An earlier try had worked already">
          <p>
            Its answer had got lost. The webhook has the values of that try; what you changed in the form since then is not in it.{" "}
            <a href={link.edit(webhook.id)}>Edit the webhook</a> to make it so.
          </p>
        </Notice>
      )}
      <SecretOnce secret={webhook.secret} stored={stored} onStored={() => setStored(true)} />
      {stored && (
        <Notice tone="good" title="The secret is stored. Now see whether your server answers">
          <p>A test sends a sample at once, and shows what was sent and what came back.</p>
          <div class="actions">
            <ButtonLink kind="primary" href={link.test(webhook.id)} focus>
              Send a test
            </ButtonLink>
            <ButtonLink href={link.webhook(webhook.id)}>Go to the webhook</ButtonLink>
          </div>
        </Notice>
      )}
      <Card>
        <Facts
          items={[
            ["Webhook URL", <Inline>{webhook.url}</Inline>],
            ["Status", <Status webhook={webhook} />],
            ["Events", webhook.eventTypes.length === eventTypeNames.length ? "All" : webhook.eventTypes.join(", ")],
            ["Authentication header", webhook.authHeader && <Inline>{webhook.authHeader.name}</Inline>],
          ]}
        />
      </Card>
    </Page>
  );
}
