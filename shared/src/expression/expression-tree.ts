// The text of a formula as a tree, read by jsep (a parser only, it evaluates nothing).
//
//   loosest   a ? b : c     or     and     == != < <= > >=     + -     * / %     sign, not     ^ **   tightest
//
// jsep reads more than formulas: property access, text, lists, several values in a row. Characters that no formula needs
// are refused before it sees them, and of its nodes only those become a `Tree` that are listed here. jsep has one set of
// operators for the whole process: ours. It learns two things it has no setting for: where a node begins, and that a sign
// binds looser than a power, as in mathematics (-2^2 is -4).

import jsep from 'jsep';

export type Tree =
  | { readonly kind: 'number'; readonly offset: number; readonly value: number; readonly suffix: string }
  | { readonly kind: 'name'; readonly offset: number; readonly name: string }
  | { readonly kind: 'unary'; readonly offset: number; readonly operator: '-' | 'not'; readonly operand: Tree }
  | {
      readonly kind: 'binary';
      readonly offset: number;
      readonly operator: BinarySymbol;
      readonly operands: readonly Tree[];
    }
  | { readonly kind: 'choice'; readonly offset: number; readonly test: Tree; readonly yes: Tree; readonly no: Tree }
  | { readonly kind: 'call'; readonly offset: number; readonly name: string; readonly args: readonly Tree[] };

/** What is wrong with a formula, and where in the text. */
export class Flaw extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Binary operators by how tightly they bind; the last binds to the right. */
const levels = [['or'], ['and'], ['==', '!=', '<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%'], ['^', '**']] as const;

export type BinarySymbol = (typeof levels)[number][number];

/** The tree is walked recursively: a limit on the text is one on the stack. */
const maxLength = 1000;

const foreign = /[^\w \t\r\n.,()+\-*/%^<>=!?:]/u;

/** What people type instead. */
const meant: Readonly<Record<string, string>> = {
  '×': '; to multiply write *',
  '·': '; to multiply write *',
  '÷': '; to divide write /',
  '−': '; write the minus as -',
  '–': '; write the minus as -',
  '²': '; write ^2',
  '³': '; write ^3',
  '&': '; write "and"',
  '|': '; write "or"',
  '!': '; write "not"',
  '=': '; to compare write ==',
  '"': '; it computes with numbers only',
  "'": '; it computes with numbers only',
  '\u00a0': ': it is a no-break space, write a plain one',
};

/** Commas that jsep would pass over. */
const strayComma = /^\s*,|\(\s*,|,\s*(?:[,)]|$)/;

/** Where the tokens that jsep is inside of begin. */
let begins: number[] = [];

jsep.removeAllUnaryOps();
jsep.removeAllBinaryOps();
jsep.removeAllLiterals();
jsep.addUnaryOp('not');
for (const [level, symbols] of levels.entries()) {
  for (const symbol of symbols) jsep.addBinaryOp(symbol, level + 1, level === levels.length - 1);
}
jsep.hooks.add('gobble-token', function beginToken(env) {
  begins.push(this.index);
  // jsep ends a number without telling, so it is read from here, which ends it like every token.
  const node = /[\d.]/.test(this.char) ? this.gobbleNumericLiteral() : this.char === '-' ? signed(this) : undefined;
  if (node !== undefined) env.node = node;
});
jsep.hooks.add('after-token', function endToken({ node }) {
  const offset = begins.pop();
  if (node && offset !== undefined) node['offset'] = offset;
});

function signed(parser: jsep.HookScope): jsep.Expression {
  parser.index += 1;
  return { type: 'UnaryExpression', operator: '-', argument: power(parser), prefix: true };
}

function power(parser: jsep.HookScope): jsep.Expression {
  const left = parser.gobbleToken();
  if (!left) return parser.throwError('missing value');
  parser.gobbleSpaces();
  const operator = ['**', '^'].find((symbol) => parser.expr.startsWith(symbol, parser.index));
  if (operator === undefined) return left;
  parser.index += operator.length;
  return { type: 'BinaryExpression', operator, left, right: power(parser) };
}

/** What may stand behind a number, such as a unit: by the offset of the number. */
type Suffixes = ReadonlyMap<number, string>;

const noSuffixes: Suffixes = new Map();

/**
 * Throws a Flaw when the text is no formula.
 * @param suffixes what may stand behind a number, the longest first: `34 °C`, `5m`
 */
export function parseTree(written: string, suffixes: readonly string[] = []): Tree {
  if (written.trim() === '') throw new Flaw('the formula is empty', 0);
  if (written.length > maxLength) throw new Flaw(`the formula has more than ${maxLength} characters`, maxLength);
  const found = new Map<number, string>();
  const text = suffixes.length === 0 ? written : withoutSuffixes(written, suffixes, found);
  const [character] = foreign.exec(text) ?? [];
  if (character !== undefined) {
    throw new Flaw(`"${character}" has no place in a formula${meant[character] ?? ''}`, text.indexOf(character));
  }
  if (text.includes('?.')) throw new Flaw('a space belongs between "?" and "."', text.indexOf('?.'));
  const comma = strayComma.exec(text);
  if (comma !== null) throw new Flaw('a value is missing beside this comma', text.indexOf(',', comma.index));
  return treeOf(read(text), text, suffixes.length === 0 ? noSuffixes : found);
}

/** The text with blanks where suffixes were, so that every offset stays what it is. */
function withoutSuffixes(text: string, suffixes: readonly string[], found: Map<number, string>): string {
  const any = suffixes.map((suffix) => suffix.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|');
  // A `%` with something to divide by behind it is the remainder.
  const pattern = new RegExp(
    `(?<![\\w.])(\\d+(?:\\.\\d+)?|\\.\\d+)( ?)(${any})(?=\\s*(?:$|[),<>=!?:]|(?:and|or|for)\\b))`,
    'gu',
  );
  return text.replaceAll(pattern, (whole: string, number: string, _space: string, suffix: string, offset: number) => {
    found.set(offset, suffix);
    return number.padEnd(whole.length);
  });
}

function read(text: string): jsep.Expression {
  begins = [];
  try {
    return jsep(text);
  } catch (error) {
    if (error instanceof Error && 'index' in error && typeof error.index === 'number') {
      throw syntaxFlaw(text, error.index, error.message);
    }
    throw error;
  }
}

function syntaxFlaw(text: string, index: number, said: string): Flaw {
  if (said.startsWith('Variable names')) {
    const [number = ''] = /[\w.]+$/.exec(text.slice(0, index)) ?? [];
    const offset = index - number.length;
    const [word] = /^[\w.]+/.exec(text.slice(offset)) ?? [''];
    return new Flaw(
      `to multiply write *; if "${word}" is a name, it cannot be written in a formula: ${otherName(word)}`,
      offset,
    );
  }
  const rest = text.slice(index).trimStart();
  if (rest !== '') {
    const character = rest.charAt(0);
    return new Flaw(`"${character}" is not expected here${meant[character] ?? ''}`, text.length - rest.length);
  }
  if (text.split('?').length > text.split(':').length) {
    return new Flaw('after "?" come two values with ":" between them', text.length);
  }
  const isOpen = text.split('(').length > text.split(')').length && !/[^\w\s)]\s*$/.test(text);
  return new Flaw(isOpen ? 'a ")" is missing at the end' : 'a value is missing at the end', text.length);
}

function treeOf(node: jsep.Expression, text: string, suffixes: Suffixes): Tree {
  const offset = offsetOf(node);
  if (isKnown(node)) {
    switch (node.type) {
      case 'Literal': {
        const value = Number(node.value);
        if (!Number.isFinite(value)) throw new Flaw('this number is too large', offset);
        return { kind: 'number', offset, value, suffix: suffixes.get(offset) ?? '' };
      }
      case 'Identifier':
        if (['and', 'or', 'not'].includes(node.name)) {
          throw new Flaw(`"${node.name}" has a comparison such as a > 0 on its right`, offset);
        }
        return { kind: 'name', offset, name: node.name };
      case 'UnaryExpression': {
        const operator = node.operator === 'not' ? 'not' : '-';
        return { kind: 'unary', offset, operator, operand: treeOf(node.argument, text, suffixes) };
      }
      case 'BinaryExpression': {
        const operator = levels.flat().find((symbol) => symbol === node.operator);
        if (operator === undefined) throw new Flaw(`no operator ${node.operator}`, offset);
        return {
          kind: 'binary',
          offset,
          operator,
          operands: [treeOf(node.left, text, suffixes), treeOf(node.right, text, suffixes)],
        };
      }
      case 'ConditionalExpression': {
        const [test, yes, no] = [
          treeOf(node.test, text, suffixes),
          treeOf(node.consequent, text, suffixes),
          treeOf(node.alternate, text, suffixes),
        ];
        return { kind: 'choice', offset, test, yes, no };
      }
      case 'CallExpression':
        return callOf(node, text, suffixes);
      case 'Compound':
        return refuseSecond(node.body, text);
      case 'SequenceExpression':
        return refuseSecond(node.expressions, text);
    }
  }
  const [name = ''] = /^[\w.]+/.exec(text.slice(offset)) ?? [];
  throw new Flaw(`"${name}" cannot be written in a formula; ${otherName(name)}`, offset);
}

function callOf(node: jsep.CallExpression, text: string, suffixes: Suffixes): Tree {
  const { callee, arguments: args } = node;
  const offset = offsetOf(node);
  if (!isKnown(callee) || callee.type !== 'Identifier') throw new Flaw('to multiply write * before "("', offset);
  for (const arg of args.slice(1)) if (!isAfterComma(arg, text)) refuseSecond([node, arg], text);
  return { kind: 'call', offset, name: callee.name, args: args.map((arg) => treeOf(arg, text, suffixes)) };
}

/** Values in a row, with a comma or nothing between them. */
function refuseSecond([first, second]: readonly jsep.Expression[], text: string): never {
  const node = second ?? first;
  if (node === undefined) throw new Flaw('the formula is empty', 0);
  if (isAfterComma(node, text)) {
    throw new Flaw('a comma stands only between the values of a function; decimals have a point: 1.5', offsetOf(node));
  }
  treeOf(node, text, noSuffixes);
  throw new Flaw('an operator such as + or * is missing before this', offsetOf(node));
}

function isAfterComma(node: jsep.Expression, text: string): boolean {
  return text.slice(0, offsetOf(node)).trimEnd().endsWith(',');
}

function offsetOf(node: jsep.Expression): number {
  const { offset } = node;
  if (typeof offset === 'number') return offset;
  if (!isKnown(node)) return 0;
  if (node.type === 'BinaryExpression') return offsetOf(node.left);
  return node.type === 'ConditionalExpression' ? offsetOf(node.test) : 0;
}

type Refused = jsep.ArrayExpression | jsep.MemberExpression | jsep.ThisExpression;

function isKnown(node: jsep.Expression): node is Exclude<jsep.CoreExpression, Refused> {
  return !['ArrayExpression', 'MemberExpression', 'ThisExpression'].includes(node.type);
}

/** How a signal whose name is no word of formulas gets into one. */
export function otherName(name: string): string {
  const word = name.replaceAll(/\W/g, '_').replace(/^(?=\d)/, '_');
  return `name the signal under "with", such as with: { ${word === name ? `${name}_value` : word}: ${name} }`;
}
