import type { AlignedData, Axis, Options, default as UPlot } from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { useData } from "../hooks";
import { Loading, Notice } from "../ui";

/** Look is what a chart takes from the style sheet, so that it fits light and dark. */
export interface Look {
  good: string;
  bad: string;
  accent: string;
  warn: string;
  axis: Partial<Axis>;
}

export type PlotOptions = Omit<Options, "width" | "height">;

interface PlotProps {
  /** What a screen reader says in its place. */
  label: string;
  height: number;
  data: AlignedData;
  options: (look: Look, library: typeof UPlot) => PlotOptions;
}

function currentLook(): Look {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const line = { stroke: colour("--border"), width: 1 };
  return {
    good: colour("--good-mark"),
    bad: colour("--bad-mark"),
    accent: colour("--accent"),
    warn: colour("--warn-mark"),
    axis: { stroke: colour("--muted"), font: "12px system-ui, sans-serif", grid: line, ticks: { ...line, size: 4 } },
  };
}

/** Plot draws a chart as wide as there is room. The library is loaded when the first one is shown. */
export function Plot(p: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const library = useData(async () => (await import("uplot")).default, []);
  const options = useRef(p.options);
  options.current = p.options;

  useEffect(() => {
    const element = box.current;
    const Library = library.value;
    if (!element || !Library) {
      return;
    }
    let plot: UPlot | undefined;
    const size = () => ({ width: Math.max(element.clientWidth, 100), height: p.height });
    const draw = () => {
      plot?.destroy();
      plot = new Library({ ...size(), ...options.current(currentLook(), Library) }, p.data, element);
    };
    draw();
    const resized = new ResizeObserver(() => plot?.setSize(size()));
    resized.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      dark.removeEventListener("change", draw);
      resized.disconnect();
      plot?.destroy();
    };
  }, [library.value, p.data, p.height]);

  if (library.error !== undefined) {
    return (
      <Notice tone="warn" title="The chart could not be loaded">
        <p>Its figures are in the table below. Reload the page to try again.</p>
      </Notice>
    );
  }
  return (
    <>
      {!library.value && <Loading what="the chart" />}
      <div class="plot" role="img" aria-label={p.label} ref={box} />
    </>
  );
}
