import { visible } from "../lib/text";
import { Notice } from "../ui";
import { advice } from "./advice";

interface AdviceProps {
  code: string;
  statusCode?: number | null | undefined;
  /** What we noted of the failure. */
  message?: string | null | undefined;
}

/** AdviceNotice says what happened to an attempt, and what to look at. */
export function AdviceNotice(p: AdviceProps) {
  const { title, steps } = advice(p.code, p.statusCode, p.message);
  return (
    <Notice tone="warn" title={title}>
      {/* Of an answer the title says as much. */}
      {p.message && p.code !== "http_status" && <p>{visible(p.message)}</p>}
      {steps.length === 1 ? (
        <p>{steps[0]}</p>
      ) : (
        <ul>
          {steps.map((s) => (
            <li key={s}>{s}</li>
          ))}
        </ul>
      )}
    </Notice>
  );
}
