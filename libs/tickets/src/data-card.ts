// The files under data/, as text: the rows, and the card that says what is in them. The card is generated with the
// rows, so its figures can not go stale.
import { createHash } from "node:crypto";
import { drawSplit, LABEL_NOISE, SPLIT_PLANS } from "./data-sets.ts";
import { INTENTS, JARGON } from "./grammar.ts";
import { noveltyOf } from "./novelty.ts";
import { jargonWordsIn, SPLITS, type Split, type Ticket } from "./ticket.ts";

export interface DataFile {
  name: string;
  content: string;
}

/** Every file of the data folder. Deterministic: the committed files are byte for byte what this returns. */
export function renderDataFiles(): DataFile[] {
  const drawn = SPLITS.map((split) => ({ split, tickets: drawSplit(split) }));
  const files = drawn.map(({ split, tickets }) => ({ split, tickets, content: toJsonLines(tickets) }));
  return [
    ...files.map(({ split, content }) => ({ name: fileName(split), content })),
    { name: "README.md", content: renderCard(files) },
  ];
}

interface CardEntry {
  split: Split;
  tickets: readonly Ticket[];
  content: string;
}

function renderCard(entries: readonly CardEntry[]): string {
  const counts = entries.map(({ split, tickets }) => {
    const jargon = tickets.filter((ticket) => jargonWordsIn(ticket.input).length > 0).length;
    const clusters = new Set(tickets.map((ticket) => ticket.cluster)).size;
    const share = `${((100 * jargon) / tickets.length).toFixed(1)} %`;
    const unseen = tickets.filter((ticket) => noveltyOf(ticket.input) === "phrasing").length;
    const unseenShare = `${((100 * unseen) / tickets.length).toFixed(1)} %`;
    return [split, `${tickets.length}`, `${SPLIT_PLANS[split].tenants.length}`, `${clusters}`, share, unseenShare];
  });
  const intents = entries.map(({ split, tickets }) => {
    const perIntent = Map.groupBy(tickets, (ticket) => ticket.intent);
    return [split, ...INTENTS.map((intent) => `${perIntent.get(intent)?.length ?? 0}`)];
  });
  const sums = entries.map(({ split, content }) => [`\`${fileName(split)}\``, `\`${sha256(content)}\``]);
  return `# Data card: support tickets

Synthetic tickets of a help desk, each labelled with an intent (8 classes, the primary label) and a priority (3 classes).
Written by the seeded generator in \`../src\`; no person's text is in it. English, lower case, words and full stops set
apart by blanks, because the model that ships with the mesh was trained on that form.

Most tickets say what they want in one of 36 plain ways per intent (288 lines, many with places that take several
values), and some mention a second intent that is not asked. The rest use a made-up word whose meaning belongs to one
tenant: nothing in such a ticket gives its intent away, only that tenant's history does. About ${100 * LABEL_NOISE} % of intents and of priorities are mislabelled on purpose, as human annotators would.

${table(["split", "tickets", "tenants", "clusters", "with tenant jargon", "with a held-out line"], counts)}

- **train**: tenants of its own, for training and for examples that no scored tenant wrote.
- **history**: what the scored tenants asked before; examples for a prompt are taken from here.
- **validation**: for choosing settings. **holdout**: for the figure that is reported; never used to choose anything.
- **vault**: for the last word on a choice that the holdout has confirmed; each look at it is one too many to forget.

${table(["intents", ...INTENTS], intents)}

## Rows

One JSON object a line: \`id\`, \`input\` (the ticket), \`target\` (the expected answer), \`intent\`, \`priority\`, \`tenant\`,
\`cluster\`, \`split\`, \`source\` (always \`synthetic\`).

A cluster is the hash of a ticket without its greeting and with order numbers, team sizes, plans, cities and other
filler values masked. The split is a function of the cluster, so near duplicates are never on two sides, and an
identical text is never in two splits. One line in six of each intent, and two made-up words of ${JARGON.length}, are
in no training ticket. The held-out lines are new sentences made of words that mostly occur in training. The two labels
are mislabelled independently of each other.

## Reproduce

\`node libs/tickets/src/generate.ts\` writes these files again, this one included; \`--check\` compares instead.

${table(["file", "SHA-256"], sums)}
`;
}

// Columns padded to one width, as the formatter of the repository leaves them.
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function fileName(split: Split): string {
  return `tickets.${split}.jsonl`;
}

function toJsonLines(tickets: readonly Ticket[]): string {
  return tickets.map((ticket) => `${JSON.stringify(ticket)}\n`).join("");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
