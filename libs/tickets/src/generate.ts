// Command line: writes the committed data sets and their card, or checks them.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type DataFile, renderDataFiles } from "./data-card.ts";

const HELP = `Usage: node libs/tickets/src/generate.ts [--out DIR] [--check]

Writes tickets.{train,history,validation,holdout,vault}.jsonl and README.md, the data card. Seeds are fixed: the files are the
same on every run.

  --out DIR  where to write (default: libs/tickets/data)
  --check    write nothing; exit with 1 where a file differs from what would be written
  --help     this text
`;

async function write(directory: string, files: readonly DataFile[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const file of files) {
    await writeFile(join(directory, file.name), file.content);
    console.log(`wrote ${join(directory, file.name)} (${Buffer.byteLength(file.content)} bytes)`);
  }
}

async function check(directory: string, files: readonly DataFile[]): Promise<void> {
  for (const file of files) {
    const present = await readFile(join(directory, file.name), "utf8").catch(() => undefined);
    if (present === file.content) continue;
    console.error(`${join(directory, file.name)} ${present === undefined ? "is missing" : "differs"}`);
    process.exitCode = 1;
  }
}

const { values } = parseArgs({
  options: {
    out: { type: "string", default: fileURLToPath(new URL("../data", import.meta.url)) },
    check: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(HELP);
} else {
  await (values.check ? check : write)(values.out, renderDataFiles());
}
