import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StateSetup } from "./state-key.ts";
import { type SavedState, StateStore } from "./state-store.ts";

const SETUP: StateSetup = {
  modelSha256: "a".repeat(64),
  engineVersion: "1",
  sequences: 8,
  contextTokens: 1024,
  flashAttention: false,
};
const BODY_BYTES = 1000;

/** Written the way llama.cpp writes one: mark, version, tokens, then what they computed to. */
function stateBytes(tokens: readonly number[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(0x67677371, 0);
  head.writeUInt32LE(2, 4);
  head.writeUInt32LE(tokens.length, 8);
  return Buffer.concat([head, Buffer.from(Int32Array.from(tokens).buffer), Buffer.alloc(BODY_BYTES, tokens[0] ?? 0)]);
}

let root: string;
let folder: string;
let nowMs = 0;
const warnings: string[] = [];
const logger = { info: () => undefined, warn: (_details: object, message: string) => void warnings.push(message) };
const clock = { nowMs: () => nowMs++, monotonicMs: () => nowMs };

const open = (options: { maxBytes?: number; setup?: StateSetup } = {}) =>
  StateStore.open({ folder, maxBytes: 1_000_000, setup: SETUP, clock, logger, ...options });
const save = (store: StateStore, tokens: readonly number[]) =>
  store.save(tokens, (path) => writeFile(path, stateBytes(tokens)));
const stateFiles = async () => (await readdir(folder)).filter((name) => name.endsWith(".kv"));
const onlyFile = async () => join(folder, (await stateFiles())[0] ?? "");
/** What is loaded for a prompt; undefined where nothing is. */
async function loaded(store: StateStore, prompt: readonly number[]): Promise<Buffer | undefined> {
  const { state } = store.longest(prompt);
  let bytes: Buffer | undefined;
  const take = async (path: string) => {
    bytes = await readFile(path);
  };
  return state && (await store.restore(state, take)) ? bytes : undefined;
}
const tokensOf = (states: readonly SavedState[]) => states.map(({ tokens }) => tokens);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "inference-states-"));
  folder = join(root, "states");
  nowMs = 1_700_000_000_000;
  warnings.length = 0;
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("StateStore", () => {
  it("finds the state that covers most of a prompt, its own tokens or a part of them", async () => {
    const store = await open();
    for (const tokens of [[1, 2], [1, 2, 3, 4], [9]]) expect(await save(store, tokens)).toBeGreaterThan(BODY_BYTES);
    expect(store.longest([1, 2, 3, 4, 5])).toMatchObject({ state: { tokens: [1, 2, 3, 4] }, length: 4 });
    expect(store.longest([1, 2, 3, 7])).toMatchObject({ state: { tokens: [1, 2, 3, 4] }, length: 3 });
    expect(store.longest([5])).toEqual({ state: undefined, length: 0 });
    expect(await loaded(store, [9, 1])).toEqual(stateBytes([9]));
  });

  it("finds after a restart what an earlier run kept, the ones used last first", async () => {
    const first = await open();
    for (const tokens of [[1], [2], [3]]) await save(first, tokens);
    await loaded(first, [2, 5]);
    for (const [index, name] of (await stateFiles()).entries()) {
      // The file system's own idea of now is not the clock's: all but the one used last are of the same moment.
      if (!(await readFile(join(folder, name))).equals(stateBytes([2]))) await utimes(join(folder, name), 1, 1 + index);
    }
    const second = await open();
    expect(tokensOf(second.states)[0]).toEqual([2]);
    expect(tokensOf(second.states)).toHaveLength(3);
    expect(second.bytes).toBe(first.bytes);
    expect(await loaded(second, [3, 1])).toEqual(stateBytes([3]));
  });

  it("writes a state once, also where several ask for it at the same time", async () => {
    const store = await open();
    let writes = 0;
    const once = () =>
      store.save([1, 2, 3], async (path) => {
        writes += 1;
        await writeFile(path, stateBytes([1, 2, 3]));
      });
    const bytes = await Promise.all([once(), once(), once()]);
    expect(writes).toBe(1);
    expect(new Set(bytes)).toEqual(new Set([stateBytes([1, 2, 3]).length]));
  });

  it("never keeps more than its bound, and gives up what was unused for longest", async () => {
    const each = stateBytes([0]).length;
    const store = await open({ maxBytes: 3 * each });
    for (const token of [1, 2, 3]) await save(store, [token]);
    store.touch(store.longest([1]).state?.id ?? "");
    await save(store, [4]);
    expect(tokensOf(store.states)).toEqual([[4], [1], [3]]);
    expect(store.bytes).toBe(3 * each);
    expect(await stateFiles()).toHaveLength(3);
    const smaller = await open({ maxBytes: each });
    expect([smaller.states.length, (await stateFiles()).length]).toEqual([1, 1]);
  });

  it("does not keep a state that is larger than the bound, and gives up nothing for it", async () => {
    const store = await open({ maxBytes: 2 * stateBytes([0]).length });
    await save(store, [1]);
    expect(await store.save([2], (path) => writeFile(path, Buffer.alloc(10_000)))).toBe(0);
    expect(tokensOf(store.states)).toEqual([[1]]);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it.each<[string, Partial<StateSetup>]>([
    ["other weights", { modelSha256: "b".repeat(64) }],
    ["another engine", { engineVersion: "2" }],
    ["another number of sequences", { sequences: 4 }],
    ["another context", { contextTokens: 512 }],
    ["flash attention", { flashAttention: true }],
  ])("never loads a state of %s, but lets it live while there is room", async (_name, other) => {
    await save(await open({ setup: { ...SETUP, ...other } }), [1, 2, 3]);
    await utimes(await onlyFile(), 1, 1);
    const each = stateBytes([1, 2, 3]).length;
    const store = await open({ maxBytes: 2 * each });
    expect(store.longest([1, 2, 3, 4])).toEqual({ state: undefined, length: 0 });
    expect([store.states.length, store.bytes, (await stateFiles()).length]).toEqual([0, each, 1]);
    for (const token of [7, 8]) await save(store, [token, token, token]);
    expect(tokensOf(store.states)).toEqual([
      [8, 8, 8],
      [7, 7, 7],
    ]);
    expect(await stateFiles()).toHaveLength(2);
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ["cut short", (path) => truncate(path, 500)],
    ["empty", (path) => truncate(path, 0)],
    [
      "changed in one bit",
      async (path) => {
        const bytes = await readFile(path);
        bytes[600] = (bytes[600] ?? 0) ^ 1;
        await writeFile(path, bytes);
      },
    ],
  ])("removes a file that was %s, counts it, and starts cold", async (_name, damage) => {
    const store = await open();
    await save(store, [1, 2, 3]);
    await damage(await onlyFile());
    expect(await loaded(store, [1, 2, 3, 4])).toBeUndefined();
    expect(store.longest([1, 2, 3, 4]).state).toBeUndefined();
    expect([store.unusable, await stateFiles(), warnings.length]).toEqual([1, [], 1]);
    expect(await save(store, [1, 2, 3])).toBeGreaterThan(0);
  });

  it("removes what the engine itself refuses to load", async () => {
    const store = await open();
    await save(store, [1]);
    const { state } = store.longest([1]);
    const refuse = () => Promise.reject(new Error("n_stream mismatch"));
    expect(state && (await store.restore(state, refuse))).toBe(false);
    expect([store.unusable, await stateFiles()]).toEqual([1, []]);
  });

  it("removes at its start what has a name of ours and no head that can be read", async () => {
    const store = await open();
    await save(store, [1, 2, 3]);
    await truncate(await onlyFile(), 14);
    const again = await open();
    expect([again.states, again.unusable, await stateFiles()]).toEqual([[], 1, []]);
  });

  it("does not believe a file that carries another one's name", async () => {
    const store = await open();
    await save(store, [1, 2, 3]);
    const path = await onlyFile();
    await save(store, [4, 5, 6]);
    const other = (await stateFiles()).map((name) => join(folder, name)).find((each) => each !== path) ?? "";
    await rename(other, path);
    const again = await open();
    expect(again.longest([4, 5, 6])).toEqual({ state: undefined, length: 0 });
    expect(again.longest([1, 2, 3])).toEqual({ state: undefined, length: 0 });
  });

  it("takes a file that another process gave up for gone, not for broken", async () => {
    const [one, other] = [await open(), await open()];
    await save(one, [1]);
    await save(other, [2]);
    expect(tokensOf(other.states)).toContainEqual([1]);
    await rm(await onlyFile());
    await rm(await onlyFile());
    expect(await loaded(other, [1])).toBeUndefined();
    expect(await loaded(one, [1])).toBeUndefined();
    expect([one.unusable, other.unusable]).toEqual([0, 0]);
  });

  it("leaves other people's files alone and removes what a dead writer left", async () => {
    await mkdir(folder);
    for (const name of ["notes.txt", "abandoned.1.0.tmp", "fresh.2.0.tmp"]) await writeFile(join(folder, name), "x");
    await utimes(join(folder, "abandoned.1.0.tmp"), 1, 1);
    await utimes(join(folder, "fresh.2.0.tmp"), nowMs / 1000, nowMs / 1000);
    await open();
    expect((await readdir(folder)).sort()).toEqual(["fresh.2.0.tmp", "notes.txt"]);
  });

  it("says that it could not save, and fails nobody", async () => {
    const store = await open();
    const full = () => Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
    expect(await store.save([1], full)).toBe(0);
    expect(await save(store, [1])).toBeGreaterThan(0);
    expect(warnings).toHaveLength(1);
  });

  it("refuses a folder that others can write or replace, or that is a link to somewhere else", async () => {
    await mkdir(folder);
    await chmod(folder, 0o777);
    await expect(open()).rejects.toThrow(/written by everybody/);
    await rm(folder, { recursive: true });
    await symlink(root, folder);
    await expect(open()).rejects.toThrow(/no folder of its own/);
    await rm(folder);
    await chmod(root, 0o777);
    await expect(open()).rejects.toThrow(/written by everybody/);
    await chmod(root, 0o1777);
    expect((await open()).states).toEqual([]);
  });
});
