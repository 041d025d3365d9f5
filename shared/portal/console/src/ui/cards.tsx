import type { ComponentChildren } from "preact";

/**
 * Cards is a table that becomes a card for each row on a narrow screen. The roles stand in the markup because a browser
 * forgets those of a table that is laid out as something else.
 */
export function Cards(p: { kind: string; label: string; columns: readonly string[]; children: ComponentChildren }) {
  return (
    <table class={`cards ${p.kind}`} role="table" aria-label={p.label}>
      <thead role="rowgroup">
        <tr role="row">
          {p.columns.map((c) => (
            <th key={c} role="columnheader" scope="col">
              {c}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">{p.children}</tbody>
    </table>
  );
}
