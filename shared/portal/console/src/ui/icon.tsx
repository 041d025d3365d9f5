const paths = {
  check: "M3.5 8.5 6.5 11.5 12.5 4.5",
  close: "M4 4 12 12M12 4 4 12",
  warning: "M8 2.2 14.5 13.5H1.5ZM8 6.5V9.5M8 11.4V11.6",
  copy: "M5.5 5.5V2.5H13.5V10.5H10.5M2.5 5.5H10.5V13.5H2.5Z",
  plus: "M8 3V13M3 8H13",
  reload: "M13 8A5 5 0 1 1 11.2 4.2M13.2 1.8V4.8H10.2",
  external: "M6.5 3.5H3.5V12.5H12.5V9.5M9 2.5H13.5V7M13.2 2.8 7.5 8.5",
  pause: "M5.5 3.5V12.5M10.5 3.5V12.5",
  info: "M8 1.8A6.2 6.2 0 1 0 8.01 1.8M8 7.2V11.4M8 4.6V4.8",
} as const;

/** Icon is decoration: what it means stands beside it as text, or as the name of its button. */
export function Icon(p: { name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[p.name]} />
    </svg>
  );
}
