// A data set that is named by its file: it is copied to where the evaluator of this mesh looks, and then asked for by name.
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { datasetsFolder } from "@chimera/supervisor";
import type { Surroundings } from "./config.ts";
import { CommandError, EXIT_CODES } from "./exit-code.ts";

const EXTENSIONS = [".jsonl", ".csv", ".yaml", ".yml", ".json"];
/** The evaluator reads no larger one. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_NAME = 64;

/** The name to ask for. A word that is no file is a name already. */
export function datasetOf(
  given: string,
  { url, surroundings }: { url?: string | undefined; surroundings: Surroundings },
) {
  const file = resolve(surroundings.cwd, given);
  const extension = extname(file).toLowerCase();
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) {
    if (EXTENSIONS.includes(extension)) throw usage(`There is no file ${file}.`);
    return given;
  }
  if (!EXTENSIONS.includes(extension)) throw usage(`A data set is a file that ends in ${EXTENSIONS.join(", ")}.`);
  if (found.size > MAX_BYTES) throw usage(`${file} is larger than ${MAX_BYTES / 1024 ** 2} MiB.`);
  if (url !== undefined) {
    throw usage(
      "A file can be given to the mesh of this clone alone; put it into EVALUATOR_DATASETS_DIR of the other one.",
    );
  }
  const name = nameOf(file);
  copyInto(surroundings.env.EVALUATOR_DATASETS_DIR ?? datasetsFolder(surroundings.paths.data), {
    file,
    name,
    extension,
  });
  return name;
}

/** What the evaluator takes for a name; "tickets" is the one that ships. */
function nameOf(file: string): string {
  const plain = basename(file, extname(file))
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, MAX_NAME);
  if (plain !== "" && plain !== "tickets") return plain;
  throw usage(`${file} can not be the name of a data set: call it something else.`);
}

/** Whole or not at all: the evaluator may be reading. An earlier copy in another format would be a second data set of that name. */
function copyInto(folder: string, { file, name, extension }: { file: string; name: string; extension: string }): void {
  mkdirSync(folder, { recursive: true });
  const target = join(folder, `${name}${extension}`);
  if (resolve(file) === target) return;
  copyFileSync(file, `${target}.new`);
  for (const other of readdirSync(folder)) {
    if (EXTENSIONS.some((each) => other === `${name}${each}`)) rmSync(join(folder, other));
  }
  renameSync(`${target}.new`, target);
}

function usage(message: string): CommandError {
  return new CommandError(message, EXIT_CODES.usage);
}
