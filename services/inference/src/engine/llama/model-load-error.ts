// A model that can not be served: which file, what in it, and what to do.
import { ChimeraError } from "@chimera/kernel";

interface Details {
  path: string;
  /** The metadata key or manifest field at fault; undefined where the file as a whole is. */
  key?: string;
  problem: string;
  remedy: string;
  cause?: unknown;
}

export class ModelLoadError extends ChimeraError {
  override readonly name = "ModelLoadError";
  readonly path: string;
  readonly key: string | undefined;
  readonly remedy: string;

  constructor({ path, key, problem, remedy, cause }: Details) {
    const where = key === undefined ? path : `${path}, ${key}`;
    super("failed-precondition", `${where}: ${problem}. ${remedy}`, cause === undefined ? {} : { cause });
    this.path = path;
    this.key = key;
    this.remedy = remedy;
  }
}
