// YAML with positions: every mistake in a file becomes file:line:column, what is wrong, and what to do, all at once.
//
// The gateway file, the hub's file and the simulator's scenarios are read through here. Syntax errors and duplicate keys
// come from the YAML parser, everything else from a schema (zod) or from checks of the caller's own; a `Problem` names a
// path into the document, and the document knows where that stands.

import { distance } from 'fastest-levenshtein';
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, visit, type Document } from 'yaml';
import type * as z from 'zod';

export type Path = readonly (string | number)[];

export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Warnings do not stop a start. */
  readonly severity: 'error' | 'warning';
}

export class YamlFile {
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #problems: Problem[] = [];
  readonly #value: unknown;

  constructor(text: string) {
    // Counted here: in a text whose syntax is broken the parser misses lines.
    this.#lines.addNewLine(0);
    for (const { index } of text.matchAll(/\n/g)) this.#lines.addNewLine(index + 1);
    this.#document = parseDocument(text, { prettyErrors: false, uniqueKeys: true, logLevel: 'error' });
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      this.#addAt(error.pos[0], syntaxMessage(error.code, error.message), 'error');
    }
    this.#value = this.#toPlain();
  }

  /** The plain value of the document; `undefined` in a file whose syntax is broken. */
  value(): unknown {
    return this.#value;
  }

  /** @param at path of the value, or of the key when `key` is given; `within` is a place in the text of the value */
  add(
    message: string,
    at: Path,
    options: { key?: string; within?: number; severity?: Problem['severity'] } = {},
  ): void {
    const offset = this.#offset(at, options.key);
    const within = options.within === undefined ? 0 : options.within + this.#quoteLength(at);
    this.#addAt(offset + within, message, options.severity ?? 'error');
  }

  /** Turns what the schema found into problems. @param base path of the value that was checked */
  addIssues(error: z.ZodError, base: Path, knownKeys: (path: Path) => readonly string[]): void {
    for (const issue of error.issues) this.#addIssue(issue, base, knownKeys);
  }

  /** In the order they stand in the file. */
  problems(): readonly Problem[] {
    return this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  #addIssue(issue: z.core.$ZodIssue, base: Path, knownKeys: (path: Path) => readonly string[]): void {
    const path = [...base, ...issue.path.filter((part) => typeof part !== 'symbol')];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const hint = key.includes(')')
          ? '; a comma between braces ends the text: put quotes around it'
          : suggestion(key, knownKeys(path));
        this.add(`unknown key "${key}"${hint}`, path, { key });
      }
      return;
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      // The alternative that got furthest is the one that was meant.
      const nearest = issue.errors.toSorted((a, b) => deepest(b) - deepest(a) || a.length - b.length)[0];
      for (const inner of nearest ?? []) this.#addIssue(inner, path, knownKeys);
      return;
    }
    if (issue.code === 'invalid_value') {
      const value = valueAt(this.#value, path);
      if (value === undefined) {
        this.add(`"${path.at(-1) ?? ''}" is missing`, path.slice(0, -1));
        return;
      }
      const [text, near] =
        typeof value === 'string' ? [`"${value}"`, suggestion(value, issue.values.map(String), '')] : ['this', ''];
      this.add(`${text} is none of: ${issue.values.join(', ')}${near}`, path);
      return;
    }
    const last = path.at(-1);
    if (isMissing(issue) && last !== undefined) {
      this.add(`"${last}" is missing: ${expectation(issue)}`, path.slice(0, -1));
      return;
    }
    this.add(isMissing(issue) ? expectation(issue) : issue.message, path);
  }

  #toPlain(): unknown {
    if (this.#document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return undefined;
    try {
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      // Aliases: one without an anchor, or so many of them that the file would fill the memory.
      const message = error instanceof Error ? error.message : String(error);
      this.#addAt(this.#unresolvedAlias(), syntaxMessage('', message), 'error');
      return undefined;
    }
  }

  /** Where the first alias without an anchor above it stands; the start of the file when there is none. */
  #unresolvedAlias(): number {
    const anchors = new Set<string>();
    let offset = 0;
    visit(this.#document, {
      Node: (_, node) => {
        if ('anchor' in node && node.anchor !== undefined) anchors.add(node.anchor);
      },
      Alias: (_, alias) => {
        if (anchors.has(alias.source)) return undefined;
        offset = alias.range?.[0] ?? 0;
        return visit.BREAK;
      },
    });
    return offset;
  }

  #addAt(offset: number, message: string, severity: Problem['severity']): void {
    const { line, col } = this.#lines.linePos(offset);
    const problem: Problem = { line: Math.max(line, 1), column: Math.max(col, 1), message, severity };
    const known = this.#problems.some(
      (p) => p.line === problem.line && p.column === problem.column && p.message === message,
    );
    if (!known) this.#problems.push(problem);
  }

  #quoteLength(path: Path): number {
    const node = this.#document.getIn(path, true);
    return isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') ? 1 : 0;
  }

  /** Where a path stands; of a path that is not there, where the nearest thing around it stands. */
  #offset(path: Path, key?: string): number {
    let node: unknown = this.#document.contents;
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    const steps = key === undefined ? path : [...path, key];
    for (const [index, step] of steps.entries()) {
      const wantsKey = key !== undefined && index === steps.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) return offset;
        if (wantsKey || !isNode(pair.value)) return isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
        node = pair.value;
        offset = pair.value.range?.[0] ?? offset;
      } else if (isSeq(node) && typeof step === 'number') {
        const item = node.items[step];
        if (!isNode(item)) return offset;
        node = item;
        offset = item.range?.[0] ?? offset;
      } else return offset;
    }
    return offset;
  }
}

/** `, did you mean …?` when one of the known words is near enough to be meant; otherwise the list, or what is said instead. */
export function suggestion(
  word: string,
  known: readonly string[],
  otherwise = `; known here: ${known.join(', ')}`,
): string {
  const near = known
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits)[0];
  if (near !== undefined && near.edits <= Math.ceil(word.length / 3)) return `, did you mean "${near.candidate}"?`;
  return known.length === 0 ? '' : otherwise;
}

/** One line a problem: `file:line:column: error: what`. */
export function formatProblem(file: string, problem: Problem): string {
  return `${file}:${problem.line}:${problem.column}: ${problem.severity}: ${problem.message}`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.message.includes('received undefined');
}

function expectation(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' ? `expected ${issue.expected}` : issue.message;
}

function deepest(issues: readonly z.core.$ZodIssue[]): number {
  const typeErrorAtTop = issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type');
  return typeErrorAtTop ? -1 : Math.max(0, ...issues.map((issue) => issue.path.length));
}

function syntaxMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands here twice; every name is used once';
  return `the YAML cannot be read: ${message.split('\n')[0] ?? message}`;
}
