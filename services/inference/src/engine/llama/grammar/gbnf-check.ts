// Which grammars llama.cpp can follow. It keeps every way to read the answer so far, at every character, in native code that no
// signal reaches: left recursion never ends, and a grammar with many readings takes time and memory without bound.
import { type GbnfSymbol, GrammarError, parseGbnf } from "./gbnf.ts";
import { checkReadings } from "./gbnf-readings.ts";
import { isName, isNullable, leading, nullableRules, type Rules, shownRule } from "./gbnf-rules.ts";

/** Ways on from one place in the grammar to the next character. */
const MAX_WAYS = 4096;
/** Parts in a row that may all be left out: each one is tried in every combination with those before it. */
const MAX_SKIPPED = 32;

/** Throws GrammarError for a grammar that can not be read, or not be followed within bounds. */
export function checkGbnf(text: string): void {
  const rules = parseGbnf(text);
  const nullable = nullableRules(rules);
  const order = withoutLeftRecursion(rules, nullable);
  checkWays(rules, nullable, order);
  checkReadings({ rules, nullable, order });
}

/** Rules in an order in which each comes after all it can start with. Throws where there is none. */
function withoutLeftRecursion(rules: Rules, nullable: ReadonlySet<string>): readonly string[] {
  const starts = (name: string) =>
    new Set((rules.get(name) ?? []).flatMap((sequence) => leading(sequence, nullable).filter(isName)));
  const order: string[] = [];
  const state = new Map<string, "open" | "done">();
  for (const root of rules.keys()) {
    if (state.has(root)) continue;
    const path = [{ name: root, rest: [...starts(root)] }];
    state.set(root, "open");
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.rest.pop();
      if (next === undefined) {
        state.set(top.name, "done");
        order.push(top.name);
        path.pop();
      } else if (state.get(next) === "open") {
        throw leftRecursion(path.map(({ name }) => name).slice(path.findIndex(({ name }) => name === next)));
      } else if (!state.has(next)) {
        state.set(next, "open");
        path.push({ name: next, rest: [...starts(next)] });
      }
    }
  }
  return order;
}

function leftRecursion(cycle: readonly string[]): GrammarError {
  const named = cycle.filter((name) => !name.startsWith("("));
  const what =
    named.length > 0 ? `the rule "${named[0]}" starts with itself` : "something that can be empty is repeated";
  return new GrammarError(`${what}: left recursion is not supported`);
}

/** `order` makes each rule's count final before it is used. */
function checkWays(rules: Rules, nullable: ReadonlySet<string>, order: readonly string[]): void {
  /** How many ways lead to a character, and how many to nothing. */
  const ways = new Map<string, { toCharacter: number; toNothing: number }>();
  for (const name of order) {
    const sum = { toCharacter: 0, toNothing: 0 };
    for (const sequence of rules.get(name) ?? []) {
      let toHere = 1;
      for (const symbol of leading(sequence, nullable)) {
        const of = isName(symbol) ? ways.get(symbol) : { toCharacter: 1, toNothing: 0 };
        sum.toCharacter += toHere * (of?.toCharacter ?? 0);
        toHere *= of?.toNothing ?? 0;
      }
      sum.toNothing += toHere;
    }
    if (sum.toCharacter + sum.toNothing > MAX_WAYS) throw tooManyWays(name);
    ways.set(name, sum);
  }
  for (const [name, rule] of rules) {
    for (const sequence of rule) if (longestSkip(sequence, nullable) > MAX_SKIPPED) throw tooManyWays(name);
  }
}

function longestSkip(sequence: readonly GbnfSymbol[], nullable: ReadonlySet<string>): number {
  let longest = 0;
  let current = 0;
  for (const symbol of sequence) {
    current = isNullable(nullable)(symbol) ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

function tooManyWays(name: string): GrammarError {
  return new GrammarError(
    `${shownRule(name)} has too many ways to go on at one place; write fewer alternatives or options`,
  );
}
