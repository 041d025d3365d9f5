// The template editor. It lives in a shadow root: its styles are adopted there, which a strict content security policy
// allows, while style elements in the page it does not.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { bracketMatching, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import type { Place } from "./locate";

export interface Editor {
  set(text: string): void;
  /** mark shows a fault at a place, or that of the JSON if there is one; null takes the mark away. */
  mark(fault: { place: Place; message: string } | null): void;
  focus(): void;
  destroy(): void;
}

const look = EditorView.theme({
  "&": { fontSize: "0.8125rem", color: "var(--text)", backgroundColor: "var(--surface)", borderRadius: "6px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", minHeight: "14rem", maxHeight: "28rem", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { color: "var(--muted)", backgroundColor: "var(--sunken)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 7%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent) !important",
  },
  ".cm-matchingBracket": { backgroundColor: "color-mix(in srgb, var(--accent) 20%, transparent) !important" },
  ".cm-tooltip": { color: "var(--text)", backgroundColor: "var(--surface)", border: "1px solid var(--border)" },
  ".tok-propertyName": { color: "var(--info)" },
  ".tok-string": { color: "var(--good)" },
  ".tok-number, .tok-bool, .tok-null": { color: "var(--warn)" },
});

/** openEditor puts an editor into host, which needs no style of the page's. */
export function openEditor(host: HTMLElement, text: string, label: string, onChange: (text: string) => void): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  root.replaceChildren();
  const syntaxFaults = jsonParseLinter();
  // What was told and has not come back yet. A page that renders late gives back a text that was typed over since; taking
  // it would undo the typing, tell of that, and go round for ever.
  let told: string[] = [];
  let setting = false;
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        json(),
        syntaxHighlighting(classHighlighter),
        lintGutter(),
        EditorView.lineWrapping,
        // Tab leaves the editor, as it leaves every field.
        keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !setting) {
            told.push(update.state.doc.toString());
            onChange(told[told.length - 1]!);
          }
        }),
        look,
      ],
    }),
  });
  return {
    set(next) {
      const echo = told.lastIndexOf(next);
      if (echo >= 0) {
        told = told.slice(echo + 1);
        return;
      }
      if (next !== view.state.doc.toString()) {
        told = [];
        setting = true;
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
        setting = false;
      }
    },
    mark(fault) {
      const length = view.state.doc.length;
      const faults = syntaxFaults(view);
      if (faults.length === 0 && fault && fault.place.to <= length) {
        faults.push({ ...fault.place, severity: "error", message: fault.message });
      }
      view.dispatch(setDiagnostics(view.state, faults));
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
