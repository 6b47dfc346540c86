// GBNF read into plain rules, as llama.cpp reads it: groups and repetitions become rules of their own. Read here first because
// llama.cpp writes its reason to stderr only, and because some grammars make it hang or run out of memory (see gbnf-check.ts).

/** Inclusive ranges of code points, sorted and without overlap. */
export type CharSet = readonly (readonly [number, number])[];
/** One character out of a set, or the name of a rule. */
export type GbnfSymbol = CharSet | string;
/** The alternatives of one rule, each a sequence. */
export type GbnfRule = readonly (readonly GbnfSymbol[])[];

export class GrammarError extends Error {}

const MAX_CODE_POINT = 0x10ffff;
const EVERY_CHARACTER: CharSet = [[0, MAX_CODE_POINT]];
const MAX_NESTING = 64;
const MAX_REPETITIONS = 2000;
/** Of one character class. */
const MAX_RANGES = 256;
/** After repetitions are written out. */
const MAX_SYMBOLS = 20_000;

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  r: "\r",
  n: "\n",
  "\\": "\\",
  '"': '"',
  "[": "[",
  "]": "]",
};

/** Throws GrammarError with line and reason. */
export function parseGbnf(text: string): ReadonlyMap<string, GbnfRule> {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #rules = new Map<string, GbnfRule>();
  #at = 0;
  #nesting = 0;
  #symbols = 0;
  #generated = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): ReadonlyMap<string, GbnfRule> {
    if (this.#text.includes("\0")) throw new GrammarError("holds a NUL character");
    this.#skip(true);
    while (this.#at < this.#text.length) {
      const name = this.#name() ?? this.#fail("a rule name is expected");
      this.#skip(false);
      if (!this.#take("::=")) this.#fail(`"::=" is expected after the rule name "${name}"`);
      if (this.#rules.has(name)) this.#fail(`the rule "${name}" is defined twice`);
      this.#skip(true);
      this.#rules.set(name, this.#alternatives(false));
      this.#skip(true);
    }
    this.#checkNames();
    return this.#rules;
  }

  #checkNames(): void {
    if (!this.#rules.has("root")) throw new GrammarError('has no rule named "root", which is where an answer starts');
    for (const symbol of [...this.#rules.values()].flat(2)) {
      if (typeof symbol === "string" && !this.#rules.has(symbol)) {
        throw new GrammarError(`uses the rule "${symbol}", which is not defined`);
      }
    }
  }

  #alternatives(nested: boolean): GbnfRule {
    const alternatives = [this.#sequence(nested)];
    while (this.#take("|")) {
      this.#skip(true);
      alternatives.push(this.#sequence(nested));
    }
    return alternatives;
  }

  #sequence(nested: boolean): readonly GbnfSymbol[] {
    const sequence: GbnfSymbol[] = [];
    for (let item = this.#item(nested); item !== undefined; item = this.#item(nested)) {
      this.#count(item.length);
      this.#skip(nested);
      sequence.push(...this.#repeated(item, nested));
    }
    return sequence;
  }

  /** Undefined at the end of the sequence. */
  #item(nested: boolean): readonly GbnfSymbol[] | undefined {
    const next = this.#text[this.#at];
    if (next === undefined || next === "|" || next === ")" || next === "\n" || next === "\r") {
      if (next === ")" && !nested) this.#fail('")" has no "("');
      return undefined;
    }
    if (this.#take('"')) return this.#string();
    if (this.#take("[")) return [this.#charClass()];
    if (this.#take(".")) return [EVERY_CHARACTER];
    if (this.#take("(")) return [this.#group()];
    if (next === "<" || next === "!") this.#fail("token references are not supported; write the text of the token");
    return [this.#name() ?? this.#fail(`"${next}" is not expected`)];
  }

  #group(): string {
    this.#nesting++;
    if (this.#nesting > MAX_NESTING) this.#fail(`groups are nested more than ${MAX_NESTING} deep`);
    this.#skip(true);
    const alternatives = this.#alternatives(true);
    if (!this.#take(")")) this.#fail('")" is missing');
    this.#nesting--;
    return this.#add(alternatives);
  }

  #string(): readonly GbnfSymbol[] {
    const characters: GbnfSymbol[] = [];
    while (!this.#take('"')) {
      const code = this.#character("a text");
      characters.push([[code, code]]);
    }
    return characters;
  }

  #charClass(): CharSet {
    const negated = this.#take("^");
    const ranges: [number, number][] = [];
    while (!this.#take("]")) {
      const low = this.#character("a character class");
      const isRange = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const high = isRange ? this.#character("a character class") : low;
      if (high < low) this.#fail("a character range runs backwards");
      ranges.push([low, high]);
    }
    if (ranges.length === 0) this.#fail("a character class is empty");
    const set = negated ? complement(union([ranges])) : union([ranges]);
    if (set.length === 0) this.#fail("a character class admits no character");
    if (set.length > MAX_RANGES) this.#fail(`a character class has more than ${MAX_RANGES} ranges`);
    return set;
  }

  #character(inside: string): number {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) this.#fail(`${inside} is not closed`);
    this.#at += code > 0xffff ? 2 : 1;
    if (code !== 0x5c) return code;
    const letter = this.#text[this.#at++] ?? this.#fail(`${inside} is not closed`);
    const plain = ESCAPES[letter];
    if (plain !== undefined) return plain.charCodeAt(0);
    const digits = HEX_DIGITS[letter] ?? this.#fail(`"\\${letter}" is no escape`);
    const hex = this.#text.slice(this.#at, this.#at + digits);
    if (!/^[0-9a-f]+$/i.test(hex) || hex.length < digits) this.#fail(`"\\${letter}" needs ${digits} hex digits`);
    this.#at += digits;
    const escaped = Number.parseInt(hex, 16);
    if (escaped > MAX_CODE_POINT) this.#fail(`"\\${letter}${hex}" is no character`);
    return escaped;
  }

  #repeated(item: readonly GbnfSymbol[], nested: boolean): readonly GbnfSymbol[] {
    const bounds = this.#bounds();
    if (!bounds) return item;
    this.#skip(nested);
    if (this.#bounds()) this.#fail("a repetition is repeated; put it in parentheses");
    if (item.length === 0) this.#fail("an empty text is repeated");
    return this.#repetition(item, bounds);
  }

  #repetition(item: readonly GbnfSymbol[], { min, max }: Bounds): readonly GbnfSymbol[] {
    const copies = Number.isFinite(max) ? max : min + 1;
    this.#count(copies * (item.length + 1));
    const required = Array.from({ length: min }, () => item).flat();
    if (max === Number.POSITIVE_INFINITY) {
      const name = this.#newName();
      this.#rules.set(name, [[...item, name], []]);
      return [...required, name];
    }
    let optional: readonly string[] = [];
    for (let count = min; count < max; count++) optional = [this.#add([[...item, ...optional], []])];
    return [...required, ...optional];
  }

  #bounds(): Bounds | undefined {
    if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (this.#text[this.#at] !== "{") return undefined;
    const [whole, low, comma, high] =
      /^\{[ \t]*(\d+)[ \t]*(,?)[ \t]*(\d*)[ \t]*\}/.exec(this.#text.slice(this.#at, this.#at + 64)) ??
      this.#fail("a repetition is written {n}, {n,} or {n,m}");
    const min = Number(low);
    const max = comma === "" ? min : high === "" ? Number.POSITIVE_INFINITY : Number(high);
    if (comma === "" && high !== "") this.#fail("a repetition is written {n}, {n,} or {n,m}");
    if (Math.max(min, max === Number.POSITIVE_INFINITY ? 0 : max) > MAX_REPETITIONS)
      this.#fail(`more than ${MAX_REPETITIONS} repetitions`);
    if (max < min) this.#fail(`the repetition ${whole} ends below its start`);
    this.#at += whole.length;
    return { min, max };
  }

  #add(rule: GbnfRule): string {
    const name = this.#newName();
    this.#rules.set(name, rule);
    return name;
  }

  /** No name that a grammar can hold. */
  #newName(): string {
    return `(${this.#generated++})`;
  }

  #count(symbols: number): void {
    this.#symbols += symbols;
    if (this.#symbols > MAX_SYMBOLS) {
      this.#fail(`more than ${MAX_SYMBOLS} characters and rule names once repetitions are written out`);
    }
  }

  #name(): string | undefined {
    const [name] = /^[a-zA-Z0-9-]+/.exec(this.#text.slice(this.#at)) ?? [];
    this.#at += name?.length ?? 0;
    return name;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    // White space never follows inside a text or a class, and after these it never matters.
    if (text === "|" || text === ")" || text === "::=") this.#skip(text !== ")");
    return true;
  }

  #skip(newLines: boolean): void {
    const blank = newLines ? /(?:[ \t\r\n]|#[^\r\n]*)*/y : /(?:[ \t]|#[^\r\n]*)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)?.[0].length ?? 0;
  }

  #fail(reason: string): never {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    throw new GrammarError(`line ${line}: ${reason}`);
  }
}

interface Bounds {
  min: number;
  /** Infinity has no end. */
  max: number;
}

/** Sorted and without overlap. */
export function union(sets: readonly CharSet[]): CharSet {
  const [only, ...others] = new Set(sets);
  // The sets of a grammar are the same few again and again.
  if (only && others.length === 0 && isUnion(only)) return only;
  const result: [number, number][] = [];
  for (const [low, high] of sets.flat().toSorted(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else result.push([low, high]);
  }
  return result;
}

function isUnion(set: CharSet): boolean {
  return set.every(([low], index) => low > (set[index - 1]?.[1] ?? -2) + 1);
}

function complement(set: CharSet): CharSet {
  const result: [number, number][] = [];
  let next = 0;
  for (const [low, high] of set) {
    if (low > next) result.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= MAX_CODE_POINT) result.push([next, MAX_CODE_POINT]);
  return result;
}
