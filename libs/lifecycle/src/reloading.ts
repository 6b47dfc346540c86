// A value read from files, read again whenever one of them changes: certificates, keys and lists that are replaced while the
// service runs.
import { readFileSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";

/** Watches of the system miss the swapped symlinks by which Kubernetes renews a mounted secret; asking does not. */
const POLL_MS = 5000;

export interface ReloadingOptions<T> {
  /** For the log: "the API keys". */
  what: string;
  files: readonly string[];
  /** Gets the contents in the order of `files`. */
  parse(contents: readonly Buffer[]): T;
  logger: { info(details: object, message: string): void; error(details: object, message: string): void };
  pollMs?: number;
}

export interface Reloading<T> {
  readonly current: T;
  /** Called after each change that could be used. */
  onChange(listener: (value: T) => void): void;
  close(): void;
}

/** Throws where the files can not be used at the start. Later a file that can not be used leaves what was there before. */
export function reloading<T>({ what, files, parse, logger, pollMs = POLL_MS }: ReloadingOptions<T>): Reloading<T> {
  let state = files.map((file) => fingerprint(statSync(file, { bigint: true })));
  let current = parse(files.map((file) => readFileSync(file)));
  const listeners: ((value: T) => void)[] = [];
  let isBusy = false;

  const poll = async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      // Taken before reading: a change in between is seen by the next poll.
      const now = await Promise.all(files.map(currentFingerprint));
      if (now.every((each, i) => each === state[i])) return;
      state = now;
      current = parse(await Promise.all(files.map((file) => readFile(file))));
      logger.info({ files }, `${what} changed`);
      for (const listener of listeners) listener(current);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error({ files, reason }, `${what} changed and can not be used; what was there before stays in use`);
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void poll(), pollMs);
  timer.unref();
  return {
    get current() {
      return current;
    },
    onChange: (listener) => void listeners.push(listener),
    close: () => clearInterval(timer),
  };
}

interface FileState {
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

function fingerprint({ ino, size, mtimeNs, ctimeNs }: FileState): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

async function currentFingerprint(file: string): Promise<string> {
  try {
    return fingerprint(await stat(file, { bigint: true }));
  } catch {
    return "missing";
  }
}
