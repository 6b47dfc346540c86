// Reads the Markdown report for claims that one thing brought about another: only a change whose outcome was measured may make
// one, and the claim has to name it. It shares no code with the renderer.

const CAUSAL = [
  /\bbecause of\b/i,
  /\bthanks to\b/i,
  /\bdue to\b/i,
  /\bcaus(?:es?|ed|ing)\b/i,
  /\bled to\b/i,
  /\bresult(?:s|ed)? in\b/i,
  /\b(?:improved|reduced|raised|lowered|cut|gained) by\b/i,
];

interface Settled {
  readonly predictionId: string;
  /** As measured; undefined where it was not. */
  readonly relative: number | undefined;
}

/** Lines with a causal word that name no prediction of those with a measured outcome. */
export function unbackedClaims(markdown: string, outcomes: readonly Settled[]): string[] {
  const measured = outcomes.filter(({ relative }) => relative !== undefined);
  return markdown
    .split("\n")
    .filter((line) => CAUSAL.some((word) => word.test(line)))
    .filter((line) => !measured.some(({ predictionId }) => namesWhole(line, predictionId)));
}

/** "p1" is not named where "p10" is. */
function namesWhole(line: string, id: string): boolean {
  return id !== "" && line.split(/[\s()|,;:`*]+/).includes(id);
}
