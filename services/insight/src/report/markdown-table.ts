// Tables in Markdown, and text that came from outside made fit for one line.

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => oneLine(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
