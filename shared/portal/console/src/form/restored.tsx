import { Button, Notice } from "../ui";

/** Restored says that the form was filled from a draft. */
export function Restored(p: { lost: boolean; discard: () => void }) {
  return (
    <Notice tone="info" title="What you typed earlier is still here">
      <p>It has not been saved yet. {p.lost && "Secrets are not kept: type the secret or the header's value again."}</p>
      <Button small onClick={p.discard}>
        Start anew
      </Button>
    </Notice>
  );
}
