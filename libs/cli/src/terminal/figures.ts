// Figures for people: sizes and shares.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function sizeText(bytes: number | bigint): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** "–" where there is nothing to take a share of. */
export function shareText(part: number | bigint, whole: number | bigint): string {
  return Number(whole) === 0 ? "–" : `${((100 * Number(part)) / Number(whole)).toFixed(1)} %`;
}
