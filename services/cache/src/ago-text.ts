// Ages for people: "12 s", "3 min", "5 h".

const STEPS = [
  { unit: "d", ms: 86_400_000 },
  { unit: "h", ms: 3_600_000 },
  { unit: "min", ms: 60_000 },
] as const;

/** Rounded down in the largest unit that fits at least twice; a clock that went back gives "0 s". */
export function agoText(ageMs: number): string {
  const step = STEPS.find(({ ms }) => ageMs >= 2 * ms);
  if (step !== undefined) return `${Math.floor(ageMs / step.ms)} ${step.unit}`;
  return `${Math.max(0, Math.floor(ageMs / 1000))} s`;
}
