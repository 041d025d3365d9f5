import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, type Tagged } from "../api/client";
import { ApiError } from "../api/error";
import type { Webhook } from "../api/types";
import { Conflict } from "../form/conflict";
import { useForm } from "../form/draft";
import { templateFault, WebhookForm } from "../form/form";
import { Restored } from "../form/restored";
import { merge, patchOf, valuesOf, type Values } from "../form/values";
import { useAction } from "../hooks";
import { link, navigate } from "../router";
import { Loaded, toast, WebhookPage } from "../ui";
import { useWebhook } from "../webhooks";

export function EditPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const data = useWebhook(id);
  return (
    <WebhookPage id={id} url={data.value?.value.url} tab="edit" title="Edit webhook">
      <Loaded data={data} what="the webhook">
        {(loaded) => <EditForm loaded={loaded} refreshed={data.set} />}
      </Loaded>
    </WebhookPage>
  );
}

interface EditFormProps {
  loaded: Tagged<Webhook>;
  /** Takes a later version, which does not change what stands in the form. */
  refreshed: (newer: Tagged<Webhook>) => void;
}

function EditForm({ loaded, refreshed }: EditFormProps) {
  const { id } = loaded.value;
  // The ETag belongs to the version that the form began with, a draft's too.
  const form = useForm(id, valuesOf(loaded.value), { etag: loaded.etag });
  const [newer, setNewer] = useState<Tagged<Webhook> | null>(null);

  const save = useAction(async (values: Values, base: Values, etag: string | null): Promise<void> => {
    const fault = templateFault(values);
    if (fault) {
      throw fault;
    }
    const patch = patchOf(base, values);
    if (Object.keys(patch).length > 0) {
      try {
        await api.patchWebhook(id, patch, etag);
      } catch (e) {
        if (!(e instanceof ApiError) || e.status !== 412) {
          throw e;
        }
        await meet(await api.getWebhook(id), base, values);
        return;
      }
    }
    saved();
  });

  function saved(): void {
    form.forget();
    toast("The webhook is saved.");
    navigate(link.webhook(id), { replace: true });
  }

  /** meet deals with a version that another saved: what does not touch the form is no conflict. */
  async function meet(theirs: Tagged<Webhook>, base: Values, mine: Values): Promise<void> {
    const m = merge(base, valuesOf(theirs.value), mine);
    if (m.both.length + m.theirs.length > 0) {
      refreshed(theirs);
      setNewer(theirs);
      return;
    }
    await api.patchWebhook(id, patchOf(valuesOf(theirs.value), m.merged), theirs.etag);
    saved();
  }

  return (
    <>
      <WebhookForm
        values={form.values}
        set={form.set}
        webhook={loaded.value}
        error={save.error}
        saving={save.running}
        save={() => void save.run(form.values, form.initial, form.extra.etag)}
        cancelHref={link.webhook(id)}
      >
        {form.restored && (
          <Restored {...form.restored} discard={() => form.restart(valuesOf(loaded.value), { etag: loaded.etag })} />
        )}
      </WebhookForm>
      {newer && (
        <Conflict
          merge={merge(form.initial, valuesOf(newer.value), form.values)}
          theirs={valuesOf(newer.value)}
          mine={form.values}
          saving={save.running}
          cancel={() => setNewer(null)}
          save={(chosen) => {
            const theirs = valuesOf(newer.value);
            form.restart(theirs, { etag: newer.etag }, chosen);
            setNewer(null);
            void save.run(chosen, theirs, newer.etag);
          }}
        />
      )}
    </>
  );
}
