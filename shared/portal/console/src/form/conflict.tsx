import { useState } from "preact/hooks";
import { visible } from "../lib/text";
import { Button, Dialog, DialogActions, FieldGroup, Notice, Radios } from "../ui";
import { take, type Merge, type Part, type Values } from "./values";
import { partLabels, say } from "./words";

interface ConflictProps {
  merge: Merge;
  theirs: Values;
  mine: Values;
  /** Saves what was chosen. */
  save: (values: Values) => void;
  cancel: () => void;
  saving: boolean;
}

type Choice = "theirs" | "mine" | "";

/** Conflict shows what was saved elsewhere against what was typed here, and lets one choose for each field. */
export function Conflict(p: ConflictProps) {
  const [choices, setChoices] = useState<Partial<Record<Part, Choice>>>({});
  const [asked, setAsked] = useState(false);
  const open = p.merge.both.filter((part) => !choices[part]);
  const save = () => {
    setAsked(true);
    if (open.length > 0) {
      document.getElementById(`conflict-${open[0]}`)?.focus();
      return;
    }
    p.save(p.merge.both.reduce((v, part) => (choices[part] === "mine" ? take(part, v, p.mine) : v), p.merge.merged));
  };
  return (
    <Dialog title="This webhook was changed meanwhile" onClose={p.cancel} wide>
      <p>Another tab, a colleague or we ourselves saved a change after you opened this form. Nothing of yours is saved yet.</p>
      {p.merge.both.map((part) => (
        <FieldGroup
          key={part}
          id={`conflict-${part}`}
          label={partLabels[part]}
          error={asked && !choices[part] ? "Choose which one to keep." : undefined}
        >
          <Radios<Choice>
            name={`conflict-${part}`}
            value={choices[part] ?? ""}
            options={[
              { value: "theirs", label: "Keep what was saved meanwhile", hint: <Said part={part} values={p.theirs} /> },
              { value: "mine", label: "Use what you typed", hint: <Said part={part} values={p.mine} /> },
            ]}
            onChange={(choice) => setChoices((c) => ({ ...c, [part]: choice }))}
          />
        </FieldGroup>
      ))}
      <Changes title="Also saved meanwhile, and kept" list={p.merge.theirs} values={p.theirs} />
      <Changes title="Changed by you only, and saved now" list={p.merge.mine} values={p.mine} />
      {p.merge.both.includes("secret") || p.merge.both.includes("header") ? (
        <Notice tone="info">
          <p>Values of secrets are not shown.</p>
        </Notice>
      ) : null}
      <DialogActions>
        <Button onClick={p.cancel}>Back to the form</Button>
        <Button kind="primary" busy={p.saving} onClick={save}>
          Save this
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function Changes(p: { title: string; list: readonly Part[]; values: Values }) {
  if (p.list.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{p.title}</h3>
      <dl class="facts">
        {p.list.map((part) => (
          <div key={part}>
            <dt>{partLabels[part]}</dt>
            <dd>
              <Said part={part} values={p.values} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Said(p: { part: Part; values: Values }) {
  return <span class="said">{visible(say(p.part, p.values))}</span>;
}
