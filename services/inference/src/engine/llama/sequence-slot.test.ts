import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLogger } from "@chimera/lifecycle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveModel } from "./model-source.ts";
import { type OpenedModel, openLlama } from "./open-llama.ts";
import { SequenceSlot } from "./sequence-slot.ts";
import { readStateTokens } from "./state-file.ts";

const manifest = fileURLToPath(new URL("../../../model/triage-1.4m.json", import.meta.url));
const logger = createLogger("inference-test", "silent");
const never = new AbortController().signal;

describe("a slot of the real engine", () => {
  let folder: string;
  let model: OpenedModel;
  let slots: SequenceSlot[];
  let tokens: number[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "inference-slot-"));
    model = await openLlama(await resolveModel(manifest), { maxSlots: 2, contextTokens: 1024, threads: 1 }, logger);
    slots = model.sequences.map((sequence) => new SequenceSlot(sequence));
    tokens = model.encoder.encode({ kind: "prompt", prompt: "we use the pro plan . ".repeat(60) });
  });
  afterAll(async () => {
    await model.dispose();
    await rm(folder, { recursive: true });
  });

  const slotAt = (index: number): SequenceSlot => {
    const slot = slots[index];
    if (!slot) throw new Error("no slot");
    return slot;
  };

  it("holds exactly what it was told to, from what it had", async () => {
    const slot = slotAt(0);
    expect(await slot.hold(tokens.slice(0, 300), never)).toBe(0);
    expect(slot.heldTokens).toBe(300);
    expect(await slot.hold(tokens.slice(0, 200), never)).toBe(200);
    expect(slot.heldTokens).toBe(200);
    expect(slot.commonPrefix(tokens)).toBe(200);
  });

  it("gives its state to another slot through a file whose head tells the tokens", async () => {
    const path = join(folder, "state");
    await slotAt(0).hold(tokens.slice(0, 250), never);
    await slotAt(0).save(path);
    expect(await readStateTokens(path, 1024)).toEqual(tokens.slice(0, 250));
    expect(await readStateTokens(path, 249)).toBeUndefined();
    await slotAt(1).hold(tokens.slice(100, 200), never);
    await slotAt(1).restore(path);
    expect(slotAt(1).commonPrefix(tokens)).toBe(250);
  });

  it.each([50_000, 500, 13, 0])("is empty and of use again after a file of %d bytes was refused", async (size) => {
    const path = join(folder, "cut");
    const slot = slotAt(1);
    await slot.hold(tokens.slice(0, 250), never);
    await slot.save(path);
    await writeFile(path, (await readFile(path)).subarray(0, size));
    await slot.hold(tokens.slice(100, 300), never);
    await expect(slot.restore(path)).rejects.toThrow();
    expect(slot.heldTokens).toBe(0);
    expect(await slot.hold(tokens.slice(0, 100), never)).toBe(0);
    expect(slot.commonPrefix(tokens)).toBe(100);
  });
});
