// The official release of nats-server from GitHub: one version, checked against its SHA-256 before anything of it is run.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunCommand } from "./run-command.ts";

export const RELEASE_VERSION = "2.14.7";
const BASE_URL = `https://github.com/nats-io/nats-server/releases/download/v${RELEASE_VERSION}`;

/** As the Dockerfiles of the official `nats` image give them. Other platforms are checked against the release's own SHA256SUMS. */
const KNOWN_SHA256: Readonly<Record<string, string>> = {
  "linux-amd64": "e5c20b1cb2c0566b54c544312e91e011f9e130c5c80f16a14f4cf28ef30b8be2",
  "linux-arm64": "50e0258a1b7290f3fe2e4f17506b74a90ffb1dd77867ae3a402eb0c9e2b0d40f",
};

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const SYSTEMS: ReadonlySet<string> = new Set(["linux", "darwin"]);

/** An unreachable host is noticed soon; a slow line still gets its 8 MB. */
const CONNECT_TIMEOUT_MS = 6000;
const DOWNLOAD_TIMEOUT_MS = 120_000;

export interface ReleaseOptions {
  installDir: string;
  fetch: typeof fetch;
  run: RunCommand;
  platform: NodeJS.Platform;
  architecture: string;
}

export interface Release {
  path: string;
  /** What the archive was checked against. */
  checkedAgainst: string;
}

export function releasePath(installDir: string): string {
  return join(installDir, `v${RELEASE_VERSION}`, "nats-server");
}

/** Downloads, checks and unpacks the release. Throws with a reason a reader understands. */
export async function downloadRelease(options: ReleaseOptions): Promise<Release> {
  const { installDir, run } = options;
  const target = targetOf(options);
  const archive = `nats-server-v${RELEASE_VERSION}-${target}.tar.gz`;
  const sha256 = KNOWN_SHA256[target] ?? (await publishedSha256(archive, options.fetch));
  const bytes = await download(`${BASE_URL}/${archive}`, options.fetch);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== sha256) throw new Error(`${archive} has SHA-256 ${actual}, not ${sha256}: it was thrown away`);

  const unpacked = join(installDir, `unpacking-${process.pid}`);
  mkdirSync(unpacked, { recursive: true });
  try {
    const file = join(unpacked, archive);
    writeFileSync(file, bytes);
    const untar = await run("tar", ["-xzf", file, "-C", unpacked, "--strip-components=1"], { timeoutMs: 30_000 });
    if (!untar.ok) throw new Error(`${archive} could not be unpacked: ${untar.output}`);
    rmSync(file);
    rmSync(join(installDir, `v${RELEASE_VERSION}`), { recursive: true, force: true });
    renameSync(unpacked, join(installDir, `v${RELEASE_VERSION}`));
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
  const path = releasePath(installDir);
  if (!existsSync(path)) throw new Error(`${archive} holds no nats-server`);
  return {
    path,
    checkedAgainst: KNOWN_SHA256[target] === undefined ? "the SHA256SUMS of the release" : "the SHA-256 kept here",
  };
}

function targetOf({ platform, architecture }: ReleaseOptions): string {
  const arch = ARCHITECTURES[architecture];
  if (arch === undefined || !SYSTEMS.has(platform))
    throw new Error(`there is no release for ${platform} ${architecture}`);
  return `${platform}-${arch}`;
}

async function publishedSha256(archive: string, fetchUrl: typeof fetch): Promise<string> {
  const sums = new TextDecoder().decode(await download(`${BASE_URL}/SHA256SUMS`, fetchUrl));
  const line = sums.split("\n").find((candidate) => candidate.trimEnd().endsWith(archive));
  const sum = line?.split(/\s+/)[0];
  if (sum === undefined || !/^[0-9a-f]{64}$/.test(sum))
    throw new Error(`the SHA256SUMS of the release do not name ${archive}`);
  return sum;
}

async function download(url: string, fetchUrl: typeof fetch): Promise<Uint8Array> {
  const connecting = new AbortController();
  const timer = setTimeout(() => connecting.abort(), CONNECT_TIMEOUT_MS);
  try {
    const signal = AbortSignal.any([connecting.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
    const response = await fetchUrl(url, { signal });
    clearTimeout(timer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${new URL(url).host} ${reasonOf(error, connecting.signal.aborted)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown, timedOut: boolean): string {
  if (timedOut) return `did not answer within ${CONNECT_TIMEOUT_MS / 1000} s`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
  return `can not be used: ${cause ?? (error instanceof Error ? error.message : String(error))}`;
}
