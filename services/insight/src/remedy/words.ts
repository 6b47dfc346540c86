// Figures as words in predictions.

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

export function points(share: number): string {
  return `${(share * 100).toFixed(1)} pp`;
}

export function minutes(ms: number): string {
  return ms < 120_000 ? `${(ms / 1000).toFixed(0)} s` : `${(ms / 60_000).toFixed(0)} min`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Counts with their groups of three. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
