// What can be said of rules by looking at them: which can be empty, what they start with, which lead back to themselves.
import { type CharSet, type GbnfRule, type GbnfSymbol, union } from "./gbnf.ts";

export type Rules = ReadonlyMap<string, GbnfRule>;

export const isName = (symbol: GbnfSymbol): symbol is string => typeof symbol === "string";

export const isNullable = (nullable: ReadonlySet<string>) => (symbol: GbnfSymbol) =>
  typeof symbol === "string" && nullable.has(symbol);

/** Rules that can be empty. */
export function nullableRules(rules: Rules): ReadonlySet<string> {
  const nullable = new Set<string>();
  const users = new Map<string, string[]>();
  for (const [name, rule] of rules) {
    for (const symbol of rule.flat()) if (typeof symbol === "string") pushTo(users, symbol, name);
  }
  const pending = [...rules.keys()];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (nullable.has(name) || !rules.get(name)?.some((sequence) => sequence.every(isNullable(nullable)))) continue;
    nullable.add(name);
    pending.push(...(users.get(name) ?? []));
  }
  return nullable;
}

function pushTo(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** The symbols an alternative can start with. */
export function leading(sequence: readonly GbnfSymbol[], nullable: ReadonlySet<string>): readonly GbnfSymbol[] {
  const end = sequence.findIndex((symbol) => !isNullable(nullable)(symbol));
  return end < 0 ? sequence : sequence.slice(0, end + 1);
}

/** `order` makes each rule's set final before it is used. */
export function firstSets(
  rules: Rules,
  nullable: ReadonlySet<string>,
  order: readonly string[],
): ReadonlyMap<string, CharSet> {
  const first = new Map<string, CharSet>();
  for (const name of order) {
    const sets = (rules.get(name) ?? []).flatMap((sequence) =>
      leading(sequence, nullable).map((symbol) => (isName(symbol) ? (first.get(symbol) ?? []) : symbol)),
    );
    first.set(name, union(sets));
  }
  return first;
}

export function overlap(a: CharSet, b: CharSet): boolean {
  let [i, j] = [0, 0];
  for (let [one, other] = [a[i], b[j]]; one && other; [one, other] = [a[i], b[j]]) {
    if (one[1] < other[0]) i++;
    else if (other[1] < one[0]) j++;
    else return true;
  }
  return false;
}

/**
 * A number for each rule; rules with the same number lead back to each other (Tarjan's strongly connected components, without recursion). Rules come
 * after all that they use and that does not lead back to them.
 */
export function components(rules: Rules): ReadonlyMap<string, number> {
  const uses = (name: string) => [...new Set((rules.get(name) ?? []).flat().filter(isName))];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const result = new Map<string, number>();
  const open: string[] = [];
  for (const root of rules.keys()) {
    if (index.has(root)) continue;
    const path: { name: string; rest: string[] }[] = [];
    const enter = (name: string) => {
      low.set(name, index.size);
      index.set(name, index.size);
      open.push(name);
      path.push({ name, rest: uses(name) });
    };
    const lower = (name: string, to: number | undefined) =>
      low.set(name, Math.min(low.get(name) ?? 0, to ?? Number.POSITIVE_INFINITY));
    enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.rest.pop();
      if (next !== undefined) {
        if (!index.has(next)) enter(next);
        else if (!result.has(next)) lower(top.name, index.get(next));
        continue;
      }
      path.pop();
      const below = path.at(-1);
      if (below) lower(below.name, low.get(top.name));
      if (low.get(top.name) !== index.get(top.name)) continue;
      const number = index.get(top.name) ?? 0;
      for (const name of open.splice(open.lastIndexOf(top.name))) result.set(name, number);
    }
  }
  return result;
}

export function shownRule(name: string): string {
  return name.startsWith("(") ? "a group or repetition" : `the rule "${name}"`;
}
