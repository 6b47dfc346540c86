import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadError } from "./model-load-error.ts";
import { resolveModel } from "./model-source.ts";

const bundled = fileURLToPath(new URL("../../../model/triage-1.4m.json", import.meta.url));
const weights = Buffer.from("not really weights");
const sha256 = createHash("sha256").update(weights).digest("hex");
const manifest = {
  id: "m",
  description: "d",
  license: { spdx: "Apache-2.0", note: "n" },
  file: "m.gguf",
  sha256,
  sampling: { temperature: 0, stop: ["\n"] },
};

describe("resolveModel", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "inference-source-"));
    await writeFile(join(folder, "m.gguf"), weights);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const resolveText = async (text: string) => {
    const path = join(folder, "m.json");
    await writeFile(path, text);
    return resolveModel(path);
  };

  it("takes the bundled manifest, whose hash is the one of the bundled weights", async () => {
    const source = await resolveModel(bundled);
    expect(source).toMatchObject({ id: "triage-1.4m", sampling: { temperature: 0, stop: ["\n"], seed: undefined } });
  });

  it("fills what a manifest leaves open", async () => {
    const source = await resolveText(JSON.stringify(manifest));
    expect(source).toMatchObject({ id: "m", path: join(folder, "m.gguf"), sha256, chatTemplate: undefined });
    expect(source.sampling).toMatchObject({ temperature: 0, maxTokens: 256, stop: ["\n"] });
  });

  it("names a bare file by its name", async () => {
    expect(await resolveModel(join(folder, "m.gguf"))).toMatchObject({ id: "m", sha256 });
  });

  it.each<[string, string, RegExp]>([
    ["other weights", JSON.stringify({ ...manifest, sha256: "0".repeat(64) }), /sha256.*manifest says 0{64}.*Fetch/],
    [
      "weights that are not there",
      JSON.stringify({ ...manifest, file: "gone.gguf" }),
      /gone\.gguf: can not be read \(ENOENT\)/,
    ],
    ["what is not JSON", "{", /is not JSON/],
    ["a missing field", JSON.stringify({ ...manifest, id: undefined }), /m\.json, id:/],
    ["a misspelt field", JSON.stringify({ ...manifest, stops: [] }), /stops/],
    ["a default out of range", JSON.stringify({ ...manifest, sampling: { topP: 7 } }), /sampling\.top_p/],
  ])("refuses %s", async (_case, text, message) => {
    const refusal = resolveText(text);
    await expect(refusal).rejects.toBeInstanceOf(ModelLoadError);
    await expect(refusal).rejects.toThrow(message);
  });

  it("refuses a path that is neither, or is not there", async () => {
    await expect(resolveModel("/models/x.bin")).rejects.toThrow(/CHIMERA_MODEL/);
    await expect(resolveModel(join(folder, "none.json"))).rejects.toThrow(/ENOENT/);
  });
});
