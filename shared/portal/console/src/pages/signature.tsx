import type { PageProps } from "../app";
import { ReceiverCode } from "../signature/code";
import { CheckForm } from "../signature/form";
import { Card, Facts, Inline, Page } from "../ui";

export function SignaturePage(_: PageProps) {
  return (
    <Page
      title="Signature helper"
      lead="Find out whether a request is from us and, if its signature does not match, why. All of it happens in this page: nothing that you type is sent or stored."
    >
      <CheckForm />
      <ReceiverCode />
      <Card title="How requests are signed">
        <Facts
          items={[
            [
              "x-webhook-signature",
              "The HMAC-SHA256 of the body's bytes as lower-case hex. The key is the secret as you see it, whsec_ included.",
            ],
            ["x-webhook-signature-next", "The same with the new secret, while a secret is being replaced."],
            [
              "webhook-signature",
              <>
                <Inline>v1,</Inline> and the base64 of the HMAC-SHA256 of <Inline>webhook-id.webhook-timestamp.body</Inline>. The key is
                what follows <Inline>whsec_</Inline>, base64-decoded, or the secret itself if it has no such prefix. While a secret is being
                replaced there are two, with a space between.
              </>,
            ],
            ["webhook-id", "The delivery's id, the same on every attempt: use it to drop what you have already."],
            ["webhook-timestamp", "When this attempt was made, in seconds of Unix time. Refuse what is more than five minutes off."],
          ]}
        />
      </Card>
    </Page>
  );
}
