import { signal } from "@preact/signals";
import { relativeTime, utcTime } from "../lib/time";

const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 10_000);

/** Time says how long ago something was; the exact time in UTC is its title, or stands beside it. */
export function Time(p: { at: string; exact?: boolean; millis?: boolean }) {
  const at = Date.parse(p.at);
  // A time that was loaded just now may be later than the last tick.
  const relative = relativeTime(at, Math.max(now.value, at <= Date.now() ? at : 0));
  const exact = utcTime(at, p.millis);
  return (
    <time dateTime={p.at} title={exact}>
      {p.exact ? `${exact} (${relative})` : relative}
    </time>
  );
}
