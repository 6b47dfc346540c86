// The folder of kept states. They are images of the engine's memory, so nobody else may be able to put one there.
import type { Stats } from "node:fs";
import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const OWNER_ONLY = 0o700;
const WRITABLE_FOR_OTHERS = 0o002;
/** In such a folder nobody can move what belongs to somebody else. */
const STICKY = 0o1000;
const ROOT = 0;

/** Makes the folder where it is missing. Throws where it can not be used, saying why. */
export async function openStateFolder(path: string): Promise<string> {
  const folder = resolve(path);
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
  const found = await lstat(folder);
  if (!found.isDirectory()) throw new Error(`${folder} is no folder of its own`);
  const uid = process.getuid?.();
  // Windows knows no such owners.
  if (uid === undefined) return folder;
  refuseForeign(folder, found, uid);
  if ((found.mode & WRITABLE_FOR_OTHERS) !== 0) throw new Error(`${folder} can be written by everybody`);
  // Whoever owns the folder above could put another one in its place.
  const above = await stat(dirname(folder));
  refuseForeign(dirname(folder), above, uid);
  if ((above.mode & WRITABLE_FOR_OTHERS) !== 0 && (above.mode & STICKY) === 0) {
    throw new Error(`${dirname(folder)} can be written by everybody`);
  }
  return folder;
}

function refuseForeign(folder: string, found: Stats, uid: number): void {
  if (found.uid !== uid && found.uid !== ROOT) throw new Error(`${folder} belongs to another user`);
}
