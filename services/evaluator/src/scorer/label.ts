// The label in a text. A target such as "intent=refund priority=normal" asks for the value of its first key, which is
// the primary label; any other target asks for itself, apart from letter case and blanks.

// Longer texts are no labels; the bound also keeps what events carry small.
export const MAX_LABEL_LENGTH = 64;

const KEYED = /^\s*([\w-]+)=([\w-]+)/;

export interface LabelReader {
  // What the target asks for.
  readonly target: string;
  /** The label an answer gives, "" where it gives none. */
  read(answer: string): string;
}

/** Whether the target names its label by a key, as "intent=refund" does: it can be nothing but a label then. */
export function isKeyed(target: string): boolean {
  return KEYED.test(target);
}

/** How to read answers to an item with this target; undefined where the target holds no label. */
export function labelReader(target: string): LabelReader | undefined {
  const keyed = KEYED.exec(target);
  const key = keyed?.[1];
  const value = keyed?.[2];
  if (key !== undefined && value !== undefined) {
    if (key.length > MAX_LABEL_LENGTH || value.length > MAX_LABEL_LENGTH) return undefined;
    const pattern = patternOf(key);
    return { target: value, read: (answer) => bounded(pattern.exec(answer)?.[1] ?? "") };
  }
  const whole = bounded(normalised(target));
  return whole === "" ? undefined : { target: whole, read: (answer) => bounded(normalised(answer)) };
}

// Items of one set share their key; compiling it again for each would cost more than reading.
let latest = { key: "", pattern: /(?!)/ };

function patternOf(key: string): RegExp {
  if (latest.key !== key) latest = { key, pattern: new RegExp(`(?<![\\w-])${key}=([\\w-]+)`) };
  return latest.pattern;
}

function normalised(text: string): string {
  return text.trim().toLowerCase().replaceAll(/\s+/g, " ");
}

function bounded(label: string): string {
  return label.length <= MAX_LABEL_LENGTH ? label : "";
}

export interface LabelPair {
  target: string;
  // Empty where the answer gives no label.
  predicted: string;
}
