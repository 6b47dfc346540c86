// Types of toolchain.mjs, which stays plain JavaScript because it runs on whatever Node a machine has.
interface LockEntry {
  version?: string;
  resolved?: string;
  link?: boolean;
  dev?: boolean;
  optional?: boolean;
}

export const root: string;
export function missingPackages(
  lock: { packages: Record<string, LockEntry> },
  installed: { packages: Record<string, LockEntry> } | undefined,
  options: { dev: boolean },
): string[];
