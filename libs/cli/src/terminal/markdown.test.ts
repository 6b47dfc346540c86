import { expect, it } from "vitest";
import { renderMarkdown } from "./markdown.ts";

const paint = (style: unknown, text: string) => `<${String(style)}>${text}</>`;

it("turns tables into columns that line up, whatever marks the cells hold", () => {
  const table = ["| Figure | n |", "| --- | ---: |", "| **TTFT** | 1,800 |", "| a\\|b `x` | 3 |"].join("\n");
  expect(renderMarkdown(table, (_, text) => text)).toBe(["  Figure  n", "  TTFT    1,800", "  a|b x   3"].join("\n"));
});

it("lets headings and strong words stand out, and keeps the rest", () => {
  expect(renderMarkdown("# Title\n\n- **so** much\n[link](https://x)", paint)).toBe(
    "<bold,underline>Title</>\n\n• <bold>so</> much\nlink (https://x)",
  );
});
