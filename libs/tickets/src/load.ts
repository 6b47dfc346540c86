// Reads the committed data sets. The files are small (under 1 MB each), so they are read whole.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Split, Ticket } from "./ticket.ts";

/** Absolute path of a split's JSONL file. */
export function ticketsPath(split: Split): string {
  return fileURLToPath(new URL(`../data/tickets.${split}.jsonl`, import.meta.url));
}

/** Every ticket of a split, in file order. */
export async function loadTickets(split: Split): Promise<Ticket[]> {
  return parseRows(await readFile(ticketsPath(split), "utf8"));
}

/** The same, for callers that can not wait. */
export function loadTicketsSync(split: Split): Ticket[] {
  return parseRows(readFileSync(ticketsPath(split), "utf8"));
}

// The rows are ours and covered by a test that writes them anew, so they are not validated here.
function parseRows(text: string): Ticket[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Ticket => JSON.parse(line));
}
