// Which model to serve and how it wants to be used: a manifest beside its weights, or a bare GGUF file with general defaults.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import type { Sampling } from "../engine.ts";
import { samplingViolations } from "../sampling.ts";
import { ModelLoadError } from "./model-load-error.ts";

export interface ModelSource {
  /** What a request names. */
  id: string;
  /** Absolute path of the GGUF file. */
  path: string;
  sha256: string;
  /** Jinja text of the manifest; undefined takes the file's own template. */
  chatTemplate: string | undefined;
  sampling: Sampling;
}

/** What models of general use expect where a request leaves a value open. */
const GENERAL_SAMPLING: Sampling = {
  temperature: 0.7,
  topP: 0.95,
  topK: 40,
  minP: 0.05,
  repetitionPenalty: 1,
  seed: undefined,
  maxTokens: 256,
  stop: [],
};

const manifestSchema = z.strictObject({
  id: z.string().min(1),
  description: z.string(),
  license: z.strictObject({ spdx: z.string(), note: z.string() }),
  /** Name of the GGUF file, relative to the manifest. */
  file: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits"),
  chatTemplate: z.string().optional(),
  sampling: z
    .strictObject({
      temperature: z.number(),
      topP: z.number(),
      topK: z.number(),
      minP: z.number(),
      repetitionPenalty: z.number(),
      seed: z.number(),
      maxTokens: z.number(),
      stop: z.array(z.string()),
    })
    .partial(),
});

/** Reads a `.json` manifest or takes a `.gguf` file as it is, and hashes the weights. Throws ModelLoadError. */
export async function resolveModel(path: string): Promise<ModelSource> {
  const absolute = resolve(path);
  if (absolute.endsWith(".json")) return fromManifest(absolute);
  if (!absolute.endsWith(".gguf")) {
    const remedy = "Set CHIMERA_MODEL to a .gguf file or to a .json manifest";
    throw new ModelLoadError({ path: absolute, problem: "is neither a GGUF file nor a manifest", remedy });
  }
  return {
    id: basename(absolute, ".gguf"),
    path: absolute,
    sha256: await sha256Of(absolute),
    chatTemplate: undefined,
    sampling: GENERAL_SAMPLING,
  };
}

async function fromManifest(path: string): Promise<ModelSource> {
  const manifest = parseManifest(path, await readManifest(path));
  const weights = resolve(dirname(path), manifest.file);
  const sha256 = await sha256Of(weights);
  if (sha256 !== manifest.sha256) {
    throw new ModelLoadError({
      path: weights,
      key: "sha256",
      problem: `is ${sha256}, the manifest says ${manifest.sha256}`,
      remedy: "Fetch the file again, or correct the manifest if the new weights are intended",
    });
  }
  const sampling: Sampling = { ...GENERAL_SAMPLING, ...manifest.sampling };
  return { id: manifest.id, path: weights, sha256, chatTemplate: manifest.chatTemplate, sampling };
}

async function readManifest(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
}

function parseManifest(path: string, text: string): z.output<typeof manifestSchema> {
  const remedy = "Compare it with services/inference/model/triage-1.4m.json";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ModelLoadError({ path, problem: "is not JSON", remedy, cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = issue?.path.join(".") || "manifest";
    throw new ModelLoadError({ path, key, problem: issue?.message ?? "is not a manifest", remedy });
  }
  const violation = samplingViolations(parsed.data.sampling)[0];
  if (violation) throw new ModelLoadError({ path, key: violation.field, problem: violation.description, remedy });
  return parsed.data;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return hash.digest("hex");
}

function unreadable(path: string, cause: unknown): ModelLoadError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  const remedy = "Check the path in CHIMERA_MODEL and the file's permissions";
  return new ModelLoadError({ path, problem: `can not be read (${code})`, remedy, cause });
}
