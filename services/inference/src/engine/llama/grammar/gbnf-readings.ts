// How many readings of one text a grammar can have at the same time. llama.cpp keeps each as a stack of its own, so their number
// must be bounded before a grammar is let near it. What is counted errs upwards, and is exact where one character tells what comes next.
import { type CharSet, type GbnfSymbol, GrammarError, union } from "./gbnf.ts";
import { components, firstSets, isName, leading, overlap, type Rules, shownRule } from "./gbnf-rules.ts";

const MAX_READINGS = 4096;
/** Alternatives of one rule that are compared with each other. */
const MAX_COMPARED = 128;
/** Characters of two alternatives that are compared. */
const MAX_LOOK_AHEAD = 256;

export interface ReadRules {
  rules: Rules;
  nullable: ReadonlySet<string>;
  /** Each rule after all it can start with. */
  order: readonly string[];
}

interface Analysis extends ReadRules {
  first: ReadonlyMap<string, CharSet>;
  /** With what a text of the rule that could end can go on. */
  goesOn: ReadonlyMap<string, CharSet>;
  component: ReadonlyMap<string, number>;
}

/** Throws GrammarError where the readings of a text may be too many. */
export function checkReadings(read: ReadRules): void {
  const component = components(read.rules);
  const first = firstSets(read.rules, read.nullable, read.order);
  const analysis = { ...read, first, component, goesOn: goOnSets({ ...read, first, component }) };
  checkRecursion(analysis);
  countReadings(analysis);
}

function goOnSets({ rules, nullable, first, component }: Omit<Analysis, "goesOn">): ReadonlyMap<string, CharSet> {
  const goesOn = new Map<string, CharSet>();
  const update = (name: string): boolean => {
    const sets = (rules.get(name) ?? []).flatMap((sequence) => {
      // From the end to the last part that can not be left out: that one may still go on itself.
      const ends = leading(sequence.toReversed(), nullable).filter(isName);
      return ends.flatMap((end) => [goesOn.get(end) ?? [], ...(nullable.has(end) ? [first.get(end) ?? []] : [])]);
    });
    const next = union(sets.filter((set) => set.length > 0));
    const isChanged = JSON.stringify(next) !== JSON.stringify(goesOn.get(name) ?? []);
    if (isChanged) goesOn.set(name, next);
    return isChanged;
  };
  for (const group of Map.groupBy(component.keys(), (name) => component.get(name)).values()) {
    // Each round adds characters to a set, or is the last.
    while (group.filter(update).length > 0) {}
  }
  return goesOn;
}

/**
 * With two readings at one level of a recursion there are 2^n of them n levels down. So where a rule leads back to itself, the next
 * characters must tell whether it does, and in which way.
 */
function checkRecursion(analysis: Analysis): void {
  for (const [name, rule] of analysis.rules) {
    const isBack = (symbol: GbnfSymbol) => leadsBack(symbol, name, analysis);
    const back = rule.filter((sequence) => sequence.some(isBack));
    if (back.length > MAX_COMPARED) throw tooManyReadings(name);
    const starts = back.map((sequence) => lookAhead(sequence, analysis));
    if (isAlike(starts) || back.some((sequence) => hasOpenBorder(sequence, analysis, isBack))) throw ambiguous(name);
  }
}

function leadsBack(symbol: GbnfSymbol, to: string, { component }: Analysis): symbol is string {
  return isName(symbol) && component.get(symbol) === component.get(to);
}

/** Whether no text can begin both. */
function differ(one: readonly CharSet[], other: readonly CharSet[]): boolean {
  return one.some((set, position) => {
    const against = other[position];
    return against !== undefined && !overlap(set, against);
  });
}

/** What the first characters can be, as far as each place has one answer. */
function lookAhead(sequence: readonly GbnfSymbol[], { rules, nullable, first }: Analysis): readonly CharSet[] {
  const seen: CharSet[] = [];
  const rest = sequence.toReversed();
  for (let symbol = rest.pop(); symbol !== undefined && seen.length < MAX_LOOK_AHEAD; symbol = rest.pop()) {
    if (!isName(symbol)) {
      seen.push(symbol);
      continue;
    }
    const [only, second] = rules.get(symbol) ?? [];
    if (only && !second) rest.push(...only.toReversed());
    else if (nullable.has(symbol)) break;
    else {
      seen.push(first.get(symbol) ?? []);
      break;
    }
  }
  return seen;
}

/** Whether a character can belong to one part or to the next, where one of the two is meant by `isMeant`. */
function hasOpenBorder(
  sequence: readonly GbnfSymbol[],
  { nullable, first, goesOn }: Analysis,
  isMeant: (symbol: GbnfSymbol) => boolean,
): boolean {
  return sequence.some((symbol, position) => {
    if (!isName(symbol)) return false;
    const own = [goesOn.get(symbol) ?? [], ...(nullable.has(symbol) ? [first.get(symbol) ?? []] : [])];
    if (own.every((set) => set.length === 0)) return false;
    const later = leading(sequence.slice(position + 1, position + 1 + MAX_LOOK_AHEAD), nullable);
    return later.some((next) => {
      if (!isMeant(symbol) && !isMeant(next)) return false;
      const set = isName(next) ? (first.get(next) ?? []) : next;
      return own.some((one) => overlap(one, set));
    });
  });
}

/** What is known of a rule when all it uses has been counted. */
interface Count {
  /** Places in it, with all that it uses written out. */
  places: number;
  /** Of those, as many as a text can have reached at once, where it begins in one place of the text. */
  readings: number;
  /** Whether the same text can have reached several. */
  isOpen: boolean;
}

const CHARACTER: Count = { places: 1, readings: 1, isOpen: false };

/** Rules that lead back count as one place: checkRecursion() has seen to them. */
function countReadings(analysis: Analysis): void {
  const counts = new Map<string, Count>();
  for (const name of analysis.component.keys()) {
    const countOf = (symbol: GbnfSymbol) =>
      (isName(symbol) && !leadsBack(symbol, name, analysis) ? counts.get(symbol) : undefined) ?? CHARACTER;
    const rule = analysis.rules.get(name) ?? [];
    const sequences = rule.map((sequence) => countSequence(sequence, analysis, countOf));
    const total = (key: "places" | "readings") => sequences.reduce((sum, count) => sum + count[key], 0);
    const isOpen = sequences.some((count) => count.isOpen) || startAlike(rule, analysis);
    const count = { places: Math.max(1, total("places")), readings: Math.max(1, total("readings")), isOpen };
    if (count.readings > MAX_READINGS) throw tooManyReadings(name);
    counts.set(name, count);
  }
}

/** Behind what can be read in several ways, the rest can have begun in many places of the text: then every place may be reached. */
function countSequence(
  sequence: readonly GbnfSymbol[],
  analysis: Analysis,
  countOf: (symbol: GbnfSymbol) => Count,
): Count {
  const parts = sequence.map(countOf);
  const places = parts.reduce((sum, part) => sum + part.places, 0);
  const readings = parts.reduce((most, part) => Math.max(most, part.readings), 0);
  const isOpen = parts.some((part) => part.isOpen) || hasOpenBorder(sequence, analysis, () => true);
  return { places, readings: isOpen && parts.length > 1 ? places : readings, isOpen };
}

function startAlike(rule: readonly (readonly GbnfSymbol[])[], analysis: Analysis): boolean {
  const filled = rule.filter((sequence) => sequence.length > 0);
  if (filled.length > MAX_COMPARED) return true;
  return isAlike(filled.map((sequence) => lookAhead(sequence, analysis)));
}

function isAlike(starts: readonly (readonly CharSet[])[]): boolean {
  return starts.some((one, position) => starts.slice(position + 1).some((other) => !differ(one, other)));
}

function ambiguous(name: string): GrammarError {
  return new GrammarError(
    `${shownRule(name)} leads back to itself where a text can be read in two ways, so its readings would double at every level; let the next character tell them apart`,
  );
}

function tooManyReadings(name: string): GrammarError {
  return new GrammarError(
    `${shownRule(name)} can be read in too many ways at once; write fewer alternatives that start alike`,
  );
}
