// Surroundings of a command line under test: everything written is kept, nothing of the real environment is used.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@chimera/kernel";
import { meshPaths } from "@chimera/supervisor";
import type { Surroundings } from "../config.ts";

export interface TestSurroundings extends Surroundings {
  readonly written: { out: string; err: string };
  remove(): void;
}

export function testSurroundings(env: Surroundings["env"] = {}): TestSurroundings {
  const folder = mkdtempSync(join(tmpdir(), "chimera-cli-"));
  const written = { out: "", err: "" };
  return {
    written,
    terminal: {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      outIsTty: false,
      errIsTty: false,
      columns: 80,
      paintOut: (_, text) => text,
      paintErr: (_, text) => text,
    },
    env,
    paths: meshPaths(folder),
    cwd: folder,
    clock: systemClock,
    stopped: new AbortController().signal,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
