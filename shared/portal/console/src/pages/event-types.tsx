import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { EventType, TypeNaming } from "../api/types";
import type { PageProps } from "../app";
import { useData } from "../hooks";
import { visible } from "../lib/text";
import { link } from "../router";
import { ButtonLink, Card, Code, FieldGroup, Inline, Loaded, Page, Radios } from "../ui";

const namings = [
  {
    value: "guide",
    label: "As in the partner guide",
    hint: "Every body says verification.completed; its status tells success from failure. New webhooks do so.",
  },
  { value: "detailed", label: "Detailed", hint: "The body's type is the event's own." },
] as const;

export function EventTypesPage(_: PageProps) {
  const data = useData((signal) => api.eventTypes(signal), []);
  const [naming, setNaming] = useState<TypeNaming>("guide");
  return (
    <Page
      title="Event types"
      lead={
        <>
          What is sent, and when. The header <Inline>x-webhook-event</Inline> always names the event; what the body's{" "}
          <Inline>type</Inline> says is a setting of each webhook.
        </>
      }
    >
      <Card>
        <FieldGroup label="Type naming of the samples" hint="The samples are formatted for reading; what is sent has no white space.">
          <Radios name="naming" value={naming} options={namings} onChange={setNaming} />
        </FieldGroup>
      </Card>
      <Loaded data={data} what="the event types">
        {(list) => (
          <>
            {list.items.map((type) => (
              <OneType key={type.name} type={type} naming={naming} />
            ))}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function OneType({ type, naming }: { type: EventType; naming: TypeNaming }) {
  return (
    <Card
      title={type.name}
      actions={
        <ButtonLink small href={link.create({ eventType: type.name })} label={`Create a webhook for ${type.name}`}>
          Create a webhook
        </ButtonLink>
      }
    >
      <p>{visible(type.sentWhen)}</p>
      <Code text={JSON.stringify(type.sample[naming], null, 2)} label={`sample of ${type.name}`} />
    </Card>
  );
}
