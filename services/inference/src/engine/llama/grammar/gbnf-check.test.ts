import { describe, expect, it } from "vitest";
import { GrammarError } from "./gbnf.ts";
import { checkGbnf } from "./gbnf-check.ts";

const rules = (count: number, rule: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => rule(i)).join("\n");
const forks = (count: number) =>
  `root ::= a0\n${rules(count, (i) => `a${i} ::= .+ a${i + 1} "y" | .+ a${i + 1} "z"`)}\na${count} ::= "x"`;
const doubled = (count: number) =>
  `root ::= a0\n${rules(count, (i) => `a${i} ::= a${i + 1} | a${i + 1}`)}\na${count} ::= "x"`;

describe("checkGbnf", () => {
  it.each([
    ["labels", 'root ::= " refund normal" | " billing " ("high" | "low")'],
    [
      "comments, groups over lines, classes and repetitions",
      'root ::= ( # one\n [a-z_\\x41] |\n "\\u00e9"+ ){1,3} . x*\nx ::= [^"\\n]',
    ],
    ["a form with long texts and many of them", `root ::= item{1,50}\nitem ::= "<" ([a-z]{0,200} ","){30} ">"`],
    ["free text up to a label", 'root ::= [^:]* ": " ("refund" | "refer")'],
    ["an answer without an end", 'root ::= "a" root'],
    ["an empty answer", 'root ::= ""'],
    ["arithmetic", 'root ::= term ("+" term)*\nterm ::= [0-9]+ | "(" root ")"'],
    ["recursion told apart after a common start", 'root ::= "{a" root "}" | "{b" root "}" | "x"'],
    ["recursion of which one way ends", 'root ::= "x" root "y" | "x"'],
    ["a thousand labels that start alike", `root ::= ${rules(1000, (i) => `"l${i}"`).replaceAll("\n", " | ")}`],
  ])("takes %s", (_name, text) => {
    expect(() => checkGbnf(text)).not.toThrow();
  });

  it.each([
    ["nothing", " ", /no rule named "root"/],
    ["no root", 'a ::= "x"', /no rule named "root"/],
    ["a rule that is not there", "root ::= other", /"other", which is not defined/],
    ["a rule defined twice", 'root ::= "a"\nroot ::= "b"', /line 2: .*"root" is defined twice/],
    ["something else", "}{!!", /line 1: a rule name is expected/],
    ["an open text", '# one\nroot ::= "abc', /line 2: a text is not closed/],
    ["an open class", "root ::= [abc", /a character class is not closed/],
    ["an open group", 'root ::= ("a"', /"\)" is missing/],
    ["a group that was not opened", 'root ::= "a")', /has no "\("/],
    ["a wrong escape", 'root ::= "\\q"', /"\\q" is no escape/],
    ["a short escape", 'root ::= "\\x1"', /needs 2 hex digits/],
    ["a code point that is none", 'root ::= "\\UFFFFFFFF"', /is no character/],
    ["a class without a character", "root ::= [^\\x00-\\U0010FFFF]", /admits no character/],
    ["a range that runs backwards", "root ::= [z-a]", /runs backwards/],
    ["a NUL character", 'root ::= "a\0b"', /NUL/],
    ["a token reference", "root ::= <[3]>", /token references/],
    ["a repetition of nothing", "root ::= *", /"\*" is not expected/],
    ["a repetition that ends below its start", 'root ::= "a"{3,1}', /ends below its start/],
    ["a repetition without bounds", 'root ::= "a"{99999999999999999999}', /more than 2000 repetitions/],
    ["many long repetitions", `root ::= ${'"a"{0,1999} '.repeat(1200)}`, /more than 20000/],
    ["deep groups", `root ::= ${"(".repeat(8000)}"a"${")".repeat(8000)}`, /nested more than 64 deep/],
    ["left recursion", 'root ::= root "a" | "b"', /"root" starts with itself/],
    ["left recursion over other rules", 'root ::= a\na ::= b\nb ::= "x"? a | "c"', /left recursion/],
    ["a repetition of what can be empty", 'root ::= ("a"*)*', /can be empty is repeated/],
    ["alternatives that double again and again", doubled(40), /too many ways/],
    ["many options in a row", `root ::= ${'"a"? '.repeat(2000)}`, /too many ways/],
    [
      "readings that double with every character",
      'root ::= "x" root "y" | "x" root "z" | "o"',
      /readings would double/,
    ],
    ["the same through a common part", 'root ::= t | t "+" root\nt ::= "1" | "(" root ")"', /readings would double/],
    ["the same through options", 'root ::= "a" root? root?', /readings would double/],
    ["the same where a text may go on or begin anew", 'root ::= .+ root? "x"', /readings would double/],
    ["the same without recursion", forks(40), /too many ways at once/],
    ["long options that can begin anywhere", `root ::= ${".{0,1200} ".repeat(4)}`, /too many ways at once/],
    ["the same through a repetition", 'root ::= "a" root{0,3}', /readings would double/],
  ])("refuses %s", (_name, text, reason) => {
    expect(() => checkGbnf(text)).toThrow(GrammarError);
    expect(() => checkGbnf(text)).toThrow(reason);
  });
});
