// Where a mesh keeps its files. Everything lies below one folder, so that removing it removes every trace.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds services/ and libs/. */
export const repositoryRoot = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

export interface MeshPaths {
  /** Root of the other folders, `.chimera` in the repository by default. */
  base: string;
  /** Streams of NATS and stores of the services. */
  data: string;
  /** One file per process. */
  logs: string;
  /** State of the running mesh. */
  run: string;
  /** NATS servers that were obtained, shared by every mesh of this clone. */
  natsInstall: string;
}

export function meshPaths(base = join(repositoryRoot, ".chimera")): MeshPaths {
  return {
    base,
    data: join(base, "data"),
    logs: join(base, "logs"),
    run: join(base, "run"),
    natsInstall: join(repositoryRoot, ".chimera", "nats"),
  };
}

/** Where the mesh's evaluator finds data sets, unless EVALUATOR_DATASETS_DIR names another folder. */
export function datasetsFolder(dataDir: string): string {
  return join(dataDir, "datasets");
}

export function ensureFolders(...folders: readonly string[]): void {
  for (const folder of folders) mkdirSync(folder, { recursive: true });
}
