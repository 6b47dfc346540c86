// A label with many possible values, such as a tenant, as a metric attribute: a backend keeps one series for each value.

/** Values told apart where nothing else is said. */
const MAX_VALUES = 50;
const OTHER = "other";

/** The first values keep their name, for as long as the process lives; every later one is "other". */
export class BoundedLabel {
  readonly #known = new Set<string>();
  readonly #maxValues: number;

  constructor(maxValues = MAX_VALUES) {
    this.#maxValues = maxValues;
  }

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#maxValues) return OTHER;
    this.#known.add(value);
    return value;
  }
}
