// A condition's tree as text again, in one way of writing: what an alert's reason names.

import type { Tree } from '../expression/expression-tree.ts';
import { parseDuration } from '../model/duration.ts';

export function textOf(tree: Tree): string {
  switch (tree.kind) {
    case 'number':
      return `${tree.value}${tree.suffix === '' || /^(?:ms|[smhdw])$/.test(tree.suffix) ? '' : ' '}${tree.suffix}`;
    case 'name':
      return tree.name;
    case 'unary':
      return tree.operator === 'not' ? `not ${nested(tree.operand)}` : `-${nested(tree.operand)}`;
    case 'binary':
      return tree.operands.map(nested).join(` ${tree.operator} `);
    case 'choice':
      return `${nested(tree.test)} ? ${nested(tree.yes)} : ${nested(tree.no)}`;
    case 'call':
      if (isOverTime(tree))
        return `${tree.name}(${tree.args.map(textOf).join(tree.name === 'silent' ? ' for ' : ' over ')})`;
      return `${tree.name}(${tree.args.map(textOf).join(', ')})`;
  }
}

function nested(tree: Tree): string {
  return tree.kind === 'binary' || tree.kind === 'choice' ? `(${textOf(tree)})` : textOf(tree);
}

function isOverTime({ args: [, second] }: Tree & { readonly kind: 'call' }): boolean {
  return second?.kind === 'number' && parseDuration(`1${second.suffix}`) !== undefined;
}
