// One record of the ledger: what happened to a prediction, when, and the hash that ties it to the record before it.
import { hash } from "node:crypto";
import { InternalError } from "@chimera/kernel";
import canonicalize from "canonicalize";
import type { Outcome, Prediction, Verdict } from "./prediction.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Before anything that changes the mesh there is a record that says so: a loop that dies in between knows what to undo. */
export type LedgerEntry =
  | {
      readonly kind: "prediction-made";
      readonly prediction: Prediction;
      /** The prediction that carries the change, where one change moves several metrics; this one is only measured. */
      readonly companionOf?: string;
    }
  /** From here on the change may be in force. */
  | { readonly kind: "change-started"; readonly predictionId: string; readonly change: Json; readonly undo: Json }
  /** Every service has it. */
  | { readonly kind: "change-applied"; readonly predictionId: string; readonly settingsVersion: number }
  /** Blocks are counted from 0; a block that was broken off is started again under its number. */
  | { readonly kind: "block-started"; readonly predictionId: string; readonly block: number; readonly arm: string }
  | {
      readonly kind: "block-ended";
      readonly predictionId: string;
      readonly block: number;
      readonly arm: string;
      /** Requests counted in it. */
      readonly n: number;
    }
  | {
      readonly kind: "guardrail-tripped";
      readonly predictionId: string;
      readonly guardrail: string;
      /** The figure and the bound it broke. */
      readonly reason: string;
    }
  | {
      readonly kind: "decision-made";
      readonly predictionId: string;
      readonly verdict: Verdict;
      readonly reason: string;
    }
  /** Every service has what was before the change. */
  | { readonly kind: "rolled-back"; readonly predictionId: string; readonly settingsVersion: number }
  | { readonly kind: "outcome-settled"; readonly outcome: Outcome }
  | {
      readonly kind: "human-action";
      /** Who, as the door knows them. */
      readonly who: string;
      readonly action: HumanAction;
      /** Unset for "pause" and "go on", which concern all. */
      readonly predictionId?: string;
      readonly reason: string;
    };

export type HumanAction = "approve" | "reject" | "roll back" | "pause" | "go on";

export interface LedgerRecord {
  /** 1 for the first; the place in the stream. */
  readonly sequence: number;
  readonly atMs: number;
  /** Of the record before; `GENESIS` for the first. */
  readonly previousHash: string;
  readonly entry: LedgerEntry;
  /** SHA-256 over the canonical JSON (RFC 8785) of all of the above, 64 hex digits. */
  readonly hash: string;
}

/** What a new record must join on to. */
export interface Head {
  readonly sequence: number;
  readonly hash: string;
}

export const GENESIS: Head = { sequence: 0, hash: "0".repeat(64) };

export function seal(entry: LedgerEntry, head: Head, atMs: number): LedgerRecord {
  const content = { sequence: head.sequence + 1, atMs, previousHash: head.hash, entry };
  return { ...content, hash: hashOf(content) };
}

/** Why the record does not join on to `head`; undefined where it does. */
export function brokenLink(record: LedgerRecord, head: Head): string | undefined {
  const { hash: stated, ...content } = record;
  if (record.sequence !== head.sequence + 1) return `its number is ${record.sequence}, not ${head.sequence + 1}`;
  if (record.previousHash !== head.hash) return "it names another record as the one before it";
  if (hashOf(content) !== stated) return "its content does not give its hash";
  return undefined;
}

export function encodeRecord(record: LedgerRecord): string {
  return canonical(record);
}

/** Throws InternalError where the text is no record. Whether it belongs to the chain is for `brokenLink` to say. */
export function decodeRecord(text: string): LedgerRecord {
  try {
    const record: unknown = JSON.parse(text);
    if (isRecord(record)) return record;
  } catch (error) {
    throw new InternalError("a record of the ledger is no JSON", { cause: error });
  }
  throw new InternalError("a record of the ledger lacks a field");
}

function isRecord(value: unknown): value is LedgerRecord {
  if (typeof value !== "object" || value === null) return false;
  const { sequence, atMs, previousHash, hash: stated, entry } = value as Partial<LedgerRecord>;
  return (
    Number.isSafeInteger(sequence) &&
    Number.isFinite(atMs) &&
    typeof previousHash === "string" &&
    typeof stated === "string" &&
    typeof entry?.kind === "string"
  );
}

function hashOf(content: Omit<LedgerRecord, "hash">): string {
  return hash("sha256", canonical(content), "hex");
}

function canonical(value: object): string {
  try {
    const text = canonicalize(value);
    if (text !== undefined) return text;
  } catch (error) {
    throw new InternalError("a record of the ledger has no canonical form", { cause: error });
  }
  throw new InternalError("a record of the ledger is empty");
}
