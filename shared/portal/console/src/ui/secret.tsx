import { Button } from "./button";
import { Code } from "./code";
import { Notice } from "./states";
import { useLeaveGuard } from "../router";

interface SecretProps {
  secret: string;
  stored: boolean;
  onStored: () => void;
}

/** SecretOnce shows a signing secret the one time that it can be seen. Leaving asks until it is said to be stored. */
export function SecretOnce(p: SecretProps) {
  useLeaveGuard(!p.stored, "The signing secret is not shown again. Store it first.");
  if (p.stored) {
    return null;
  }
  return (
    <Notice tone="warn" title="Copy the signing secret now: it is shown only this once">
      <p>
        Your server needs it to check that a request is from us. Store it where you keep passwords and keys. If it gets lost, you can
        rotate to a new one.
      </p>
      <Code text={p.secret} label="signing secret" wrap />
      <Button kind="primary" onClick={p.onStored}>
        I have stored it
      </Button>
    </Notice>
  );
}
