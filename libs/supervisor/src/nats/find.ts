// Comes by a NATS server, in this order: the one named by CHIMERA_NATS_URL, a program on this machine, one obtained before,
// the official release, Debian's package. Says in one line what it did, and where nothing works, what would.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { EnvironmentLike } from "../config.ts";
import { debianPath, unpackDebianPackage } from "./debian.ts";
import { readNatsInfo } from "./info.ts";
import { downloadRelease, RELEASE_VERSION, releasePath } from "./release.ts";
import { type RunCommand, runCommand } from "./run-command.ts";

/** Streams, dedup and ordered consumers as the mesh uses them are there from this version on. */
const MIN_VERSION = [2, 9] as const;
const PROGRAM = "nats-server";
const CONNECT_TIMEOUT_MS = 3000;
const VERSION_TIMEOUT_MS = 10_000;

export type NatsSource =
  | { kind: "external"; url: string; version: string; origin: string }
  | { kind: "program"; path: string; version: string; origin: string };

export interface FindOptions {
  env: EnvironmentLike;
  /** Where an obtained server is kept. */
  installDir: string;
  report?: (line: string) => void;
  /** Folders searched after PATH; Debian puts the program where an ordinary user's PATH does not reach. */
  wellKnownDirs?: readonly string[];
  run?: RunCommand;
  fetch?: typeof fetch;
  platform?: NodeJS.Platform;
  architecture?: string;
  isRoot?: boolean;
}

export class NatsNotFoundError extends Error {
  override readonly name = "NatsNotFoundError";
}

export async function findNatsServer(options: FindOptions): Promise<NatsSource> {
  const { env, installDir, run = runCommand } = options;
  if (env.CHIMERA_NATS_URL) return external(env.CHIMERA_NATS_URL);

  const dirs = [...(env.PATH ?? "").split(delimiter).filter(Boolean), ...(options.wellKnownDirs ?? WELL_KNOWN_DIRS)];
  for (const dir of new Set(dirs)) {
    const found = await usable(join(dir, PROGRAM), "found on this machine", run);
    if (found !== undefined) return found;
  }
  const before =
    (await usable(releasePath(installDir), "official release, downloaded before", run)) ??
    (await usable(debianPath(installDir), "Debian package, unpacked before", run));
  return before ?? obtain(options, run);
}

const WELL_KNOWN_DIRS = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"];

async function external(url: string): Promise<NatsSource> {
  const info = await readNatsInfo(url, CONNECT_TIMEOUT_MS).catch((cause: Error) => {
    throw new NatsNotFoundError(
      `CHIMERA_NATS_URL names a NATS server, but ${cause.message}. Start that server, correct the address, or unset CHIMERA_NATS_URL to let Chimera start its own.`,
      { cause },
    );
  });
  if (!info.jetstream) {
    throw new NatsNotFoundError(
      `The NATS server at ${url} runs without JetStream. Start it with -js, or unset CHIMERA_NATS_URL.`,
    );
  }
  return { kind: "external", url, version: info.version, origin: "named by CHIMERA_NATS_URL" };
}

/** The program as a source where it can be run and is new enough. */
async function usable(path: string, origin: string, run: RunCommand): Promise<NatsSource | undefined> {
  try {
    await access(path, constants.X_OK);
  } catch {
    return undefined;
  }
  const { ok, output } = await run(path, ["--version"], { timeoutMs: VERSION_TIMEOUT_MS });
  const match = /v(\d+)\.(\d+)\.\S+/.exec(output);
  if (!ok || match === null) return undefined;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) return undefined;
  return { kind: "program", path, version: match[0].slice(1), origin };
}

async function obtain(options: FindOptions, run: RunCommand): Promise<NatsSource> {
  const { installDir, report = () => {}, platform = process.platform, architecture = process.arch } = options;
  const failures: string[] = [];
  try {
    report(`no nats-server on this machine; trying the official release ${RELEASE_VERSION}`);
    const release = await downloadRelease({ installDir, run, fetch: options.fetch ?? fetch, platform, architecture });
    return await required(release.path, `official release, checked against ${release.checkedAgainst}`, run);
  } catch (error) {
    failures.push(`official release: ${messageOf(error)}`);
  }
  try {
    report(`${failures[0]}; trying Debian's package`);
    const path = await unpackDebianPackage({ installDir, run, isRoot: options.isRoot ?? process.getuid?.() === 0 });
    return await required(path, "Debian package, unpacked without installing it", run);
  } catch (error) {
    failures.push(`Debian package: ${messageOf(error)}`);
  }
  throw new NatsNotFoundError(
    [
      "No NATS server could be found or obtained.",
      ...failures.map((failure) => `  ${failure}`),
      `Put nats-server ${MIN_VERSION.join(".")} or later on PATH (https://github.com/nats-io/nats-server/releases, apt install nats-server,`,
      "brew install nats-server), or name a running one with JetStream: CHIMERA_NATS_URL=nats://host:4222",
    ].join("\n"),
  );
}

async function required(path: string, origin: string, run: RunCommand): Promise<NatsSource> {
  const source = await usable(path, origin, run);
  if (source === undefined) throw new Error(`${path} does not run on this machine`);
  return source;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
