// A JSON Schema as GBNF. The answer is JSON on one line with every property that the schema names, in its order. A keyword that
// the grammar could not enforce is refused by name: an answer that only seems to follow a schema is worse than none.
import { GrammarError } from "./gbnf.ts";

const MAX_DEPTH = 32;
const ANNOTATIONS = ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"];
const ROOT_ONLY = ["$schema", "$id", "$defs", "definitions"];

const BASE_RULES: Readonly<Record<string, string>> = {
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  number: 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
  boolean: '"true" | "false"',
  null: '"null"',
  value: "object | array | string | number | boolean | null",
  object: '"{" (string ": " value (", " string ": " value)*)? "}"',
  array: '"[" (value (", " value)*)? "]"',
};

const FORMATS: Readonly<Record<string, string>> = {
  date: '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2}',
  time: '[0-9]{2} ":" [0-9]{2} ":" [0-9]{2} ("." [0-9]{1,9})? ("Z" | [-+] [0-9]{2} ":" [0-9]{2})',
  uuid: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
};

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

/** Throws GrammarError that names the place in the schema. */
export function jsonSchemaToGbnf(text: string): string {
  let schema: Json;
  try {
    schema = JSON.parse(text) as Json;
  } catch (error) {
    throw new GrammarError(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return new Translation(schema).toGbnf();
}

/** Where in the schema, for people and to resolve what is met twice. */
interface Place {
  path: string;
  depth: number;
}

class Translation {
  readonly #root: Json;
  /** Bounded by the size of the schema. */
  readonly #rules = new Map(Object.entries(BASE_RULES));
  /** Rule names by reference; bounded by the schema's definitions. */
  readonly #references = new Map<string, string>();

  constructor(root: Json) {
    this.#root = root;
  }

  toGbnf(): string {
    this.#rules.set("root", this.#reference("#", { path: "#", depth: 0 }));
    return [...this.#rules].map(([name, rule]) => `${name} ::= ${rule}`).join("\n");
  }

  #schema(schema: Json | undefined, at: Place): string {
    if (at.depth > MAX_DEPTH) throw new GrammarError(`${at.path}: is nested more than ${MAX_DEPTH} deep`);
    if (schema === true) return "value";
    if (!isObject(schema)) throw new GrammarError(`${at.path}: must be an object or true`);
    const { $ref, enum: values, const: only, anyOf, oneOf = anyOf, type } = schema;
    if ($ref !== undefined) {
      allow(schema, ["$ref"], at);
      return this.#reference(typeof $ref === "string" ? $ref : "", at);
    }
    if (only !== undefined) return this.#literals([only], schema, at);
    if (values !== undefined) return this.#literals(values, schema, at);
    if (oneOf !== undefined) {
      allow(schema, [anyOf === undefined ? "oneOf" : "anyOf"], at);
      return this.#alternatives(oneOf, at);
    }
    if (isList(type)) return group(list(type, at, "type").map((one) => this.#typed({ ...schema, type: one }, one, at)));
    return this.#typed(schema, type ?? guessType(schema), at);
  }

  #alternatives(schemas: Json, at: Place): string {
    return group(list(schemas, at, "anyOf").map((one, index) => this.#schema(one, below(at, `anyOf/${index}`))));
  }

  #typed(schema: JsonObject, type: Json | undefined, at: Place): string {
    switch (type) {
      case undefined:
        allow(schema, [], at);
        return "value";
      case "object":
        return this.#object(schema, at);
      case "array":
        return this.#array(schema, at);
      case "string":
        return string(schema, at);
      case "integer":
      case "number":
      case "boolean":
      case "null":
        allow(schema, ["type"], at);
        return type;
      default:
        throw new GrammarError(`${at.path}: ${JSON.stringify(type)} is no type`);
    }
  }

  #object(schema: JsonObject, at: Place): string {
    allow(schema, ["type", "properties", "required", "additionalProperties"], at);
    const { properties = {}, required = [], additionalProperties = true } = schema;
    if (!isObject(properties)) throw new GrammarError(`${at.path}/properties: must be an object`);
    if (!isList(required)) throw new GrammarError(`${at.path}/required: must be a list`);
    const names = Object.keys(properties);
    const absent = required.find((name) => typeof name !== "string" || !Object.hasOwn(properties, name));
    if (absent !== undefined) {
      throw new GrammarError(`${at.path}/required: ${JSON.stringify(absent)} is none of the properties`);
    }
    if (names.length > 0) {
      const members = names.map((name) => {
        const value = this.#schema(properties[name], below(at, `properties/${name}`));
        return `${literal(name)} ": " ${value}`;
      });
      return `("{" ${members.join(' ", " ')} "}")`;
    }
    if (additionalProperties === false) return '"{}"';
    const value = this.#schema(additionalProperties, below(at, "additionalProperties"));
    return `("{" (string ": " ${value} (", " string ": " ${value})*)? "}")`;
  }

  #array(schema: JsonObject, at: Place): string {
    allow(schema, ["type", "items", "minItems", "maxItems"], at);
    const { min, max } = range(schema, ["minItems", "maxItems"], at);
    if (max === 0) return '"[]"';
    const item = this.#schema(schema.items ?? true, below(at, "items"));
    const more = `(", " ${item}){${Math.max(min - 1, 0)},${max === undefined ? "" : max - 1}}`;
    return `("[" ${min === 0 ? `(${item} ${more})?` : `${item} ${more}`} "]")`;
  }

  #literals(values: Json, schema: JsonObject, at: Place): string {
    allow(schema, ["type", "enum", "const"], at);
    const types = isList(schema.type) ? schema.type : [schema.type];
    const wrong = list(values, at, "enum").find((value) => !types.some((type) => hasType(value, type)));
    if (wrong !== undefined) throw new GrammarError(`${at.path}: ${JSON.stringify(wrong)} is not of the type given`);
    return group(list(values, at, "enum").map(literal));
  }

  /** One rule for each: so a schema may refer to itself. */
  #reference(reference: string, at: Place): string {
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    const name = `ref${this.#references.size}`;
    this.#references.set(reference, name);
    this.#rules.set(name, this.#schema(this.#resolve(reference, at), { path: reference, depth: at.depth + 1 }));
    return name;
  }

  #resolve(reference: string, at: Place): Json {
    const [, keyword = "", name = ""] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
    const definitions = isObject(this.#root) ? this.#root[keyword] : undefined;
    if (reference === "#") return withoutRootOnly(this.#root);
    const key = name.replaceAll("~1", "/").replaceAll("~0", "~");
    const found = isObject(definitions) && Object.hasOwn(definitions, key) ? definitions[key] : undefined;
    if (found !== undefined) return found;
    throw new GrammarError(`${at.path}: $ref ${JSON.stringify(reference)} leads nowhere; "#" and "#/$defs/name" do`);
  }
}

function string(schema: JsonObject, at: Place): string {
  const { format } = schema;
  if (format === undefined) {
    allow(schema, ["type", "minLength", "maxLength"], at);
    const { min, max } = range(schema, ["minLength", "maxLength"], at);
    return min === 0 && max === undefined ? "string" : `("\\"" char{${min},${max ?? ""}} "\\"")`;
  }
  allow(schema, ["type", "format"], at);
  const { date, time } = FORMATS;
  const body = format === "date-time" ? `${date} "T" ${time}` : FORMATS[String(format)];
  if (body === undefined) throw new GrammarError(`${at.path}: the format ${JSON.stringify(format)} is not supported`);
  return `("\\"" ${body} "\\"")`;
}

function guessType({ properties, additionalProperties, items }: JsonObject): string | undefined {
  if (properties !== undefined || additionalProperties !== undefined) return "object";
  return items === undefined ? undefined : "array";
}

function range(schema: JsonObject, keys: readonly [string, string], { path }: Place) {
  const [min = 0, max] = keys.map((key) => schema[key]);
  const isCount = (value: Json | undefined) => Number.isInteger(value) && Number(value) >= 0;
  if (!isCount(min) || (max !== undefined && (!isCount(max) || Number(max) < Number(min)))) {
    throw new GrammarError(
      `${path}: ${keys.join(" and ")} must be whole numbers from 0, the second not below the first`,
    );
  }
  return { min: Number(min), max: max === undefined ? undefined : Number(max) };
}

function allow(schema: JsonObject, keywords: readonly string[], { path }: Place): void {
  const unknown = Object.keys(schema).find((key) => !keywords.includes(key) && !ANNOTATIONS.includes(key));
  if (unknown !== undefined) throw new GrammarError(`${path}: "${unknown}" is not supported here`);
}

function withoutRootOnly(root: Json): Json {
  if (!isObject(root)) return root;
  return Object.fromEntries(Object.entries(root).filter(([key]) => !ROOT_ONLY.includes(key)));
}

function hasType(value: Json, type: Json | undefined): boolean {
  if (type === undefined) return true;
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return isList(value);
  return type === "object" ? isObject(value) : typeof value === type;
}

function list(value: Json | undefined, { path }: Place, keyword: string): readonly Json[] {
  if (isList(value) && value.length > 0) return value;
  throw new GrammarError(`${path}: ${keyword} must be a list that is not empty`);
}

/** Written as json.dumps writes it, which is what models have read most of. */
function spaced(value: Json): string {
  if (isList(value)) return `[${value.map(spaced).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, of]) => `${JSON.stringify(key)}: ${spaced(of)}`)
    .join(", ")}}`;
}

function literal(value: Json): string {
  return `"${spaced(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

const group = (alternatives: readonly string[]) => `(${alternatives.join(" | ")})`;
const below = ({ path, depth }: Place, step: string): Place => ({ path: `${path}/${step}`, depth: depth + 1 });
const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
