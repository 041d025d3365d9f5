import { Fragment } from "preact";

/** Breakable is a text that is broken into lines at the parts of a URL or a name, where there is one in it. */
export function Breakable(p: { text: string }) {
  return (
    <>
      {p.text.split(/(?<=[/?&_])/).map((part, i) => (
        <Fragment key={i}>
          {i > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </>
  );
}
