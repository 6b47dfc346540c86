// Who is in the mesh and which version of the settings each has, from what the services say of themselves.
import type { SettingsApplied } from "@chimera/contracts/events";
import type { Clock } from "@chimera/kernel";

interface Member {
  readonly service: string;
  readonly replica: string;
  version: number;
  heardAtMs: number;
  refusal: { version: number; reason: string } | undefined;
}

export interface Standing {
  /** Not on the version yet; "cache/cache-a". */
  readonly missing: readonly string[];
  /** With what they said. */
  readonly refused: readonly string[];
  /** Services of which at least one has it. */
  readonly services: ReadonlySet<string>;
}

/** Whoever was silent for longer is taken for gone. Replicas speak every second, others only when something happens. */
const SILENT_MS: Readonly<Record<string, number>> = { inference: 10_000 };
const SILENT_OTHERS_MS = 10 * 60_000;
/** The one that was silent longest makes room. */
const MAX_MEMBERS = 128;

export class Roster {
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It serves under this version. `atMs`: when it said so, which may be long ago while the stream is read again. */
  heard(service: string, { replica, version, atMs }: { replica: string; version: number; atMs: number }): void {
    const member = this.#member(service, replica, atMs);
    member.version = Math.max(member.version, version);
  }

  answered({ service, replica, version, applied, reason }: SettingsApplied, atMs: number): void {
    const member = this.#member(service, replica, atMs);
    if (applied) member.version = Math.max(member.version, version);
    else member.refusal = { version, reason };
  }

  /** Of everybody who is not gone. */
  standing(version: number): Standing {
    const present = [...this.#members.values()].filter((member) => this.#isPresent(member));
    const has = present.filter((member) => member.version >= version);
    const refused = present.filter((member) => member.version < version && member.refusal?.version === version);
    const missing = present.filter((member) => member.version < version && member.refusal?.version !== version);
    return {
      missing: missing.map(nameOf),
      refused: refused.map((member) => `${nameOf(member)}: ${member.refusal?.reason}`),
      services: new Set(has.map(({ service }) => service)),
    };
  }

  #isPresent({ service, heardAtMs }: Member): boolean {
    return this.#clock.nowMs() - heardAtMs <= (SILENT_MS[service] ?? SILENT_OTHERS_MS);
  }

  #member(service: string, replica: string, atMs: number): Member {
    const key = `${service}/${replica}`;
    const known = this.#members.get(key) ?? { service, replica, version: 0, heardAtMs: 0, refusal: undefined };
    known.heardAtMs = Math.max(known.heardAtMs, atMs);
    this.#members.delete(key);
    this.#members.set(key, known);
    const oldest = this.#members.keys().next();
    if (this.#members.size > MAX_MEMBERS && !oldest.done) this.#members.delete(oldest.value);
    return known;
  }
}

function nameOf({ service, replica }: Member): string {
  return `${service}/${replica}`;
}
