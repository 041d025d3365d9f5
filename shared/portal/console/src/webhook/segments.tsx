import { useId } from "preact/hooks";

interface SegmentsProps<T extends string> {
  /** Names the choice for screen readers. */
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

/** Segments is a choice between a few views, as radio buttons that look like one. */
export function Segments<T extends string>(p: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{p.label}</legend>
      {p.options.map((o) => (
        <label key={o.value}>
          <input type="radio" name={name} checked={p.value === o.value} onChange={() => p.onChange(o.value)} />
          <span>{o.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
