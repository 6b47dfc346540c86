// Types of complete-lockfile.mjs.
interface Lock {
  packages: Record<string, { version?: string; dev?: boolean; optionalDependencies?: Record<string, string> }>;
}

export function missingOptional(lock: Lock): { name: string; version: string }[];
export function completed(lock: Lock): { packages: Record<string, object> };
