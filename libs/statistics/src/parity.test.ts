import { describe, expect, it } from "vitest";
import { compareWithReferences } from "./testing/parity.ts";

describe("parity with scikit-learn, statsmodels and SciPy", () => {
  const cases = compareWithReferences();
  const comparisons = cases.flat();
  const figures = [...new Set(comparisons.map(({ figure }) => figure))];

  it("is held on more than 200 random cases", () => {
    expect(cases.length).toBeGreaterThan(200);
    expect(figures.length).toBeGreaterThan(30);
  });

  it.each(figures)("%s within 1e-9 of max(1, |reference|)", (figure) => {
    const wrong = comparisons.filter((each) => each.figure === figure && !(each.error < 1e-9));
    expect(wrong).toEqual([]);
  });
});
