// A gateway file to start from, out of what a scan has found: what is known stands there, what is not is a comment.

import { nameOf, quoted, type Finding, type SuggestedSource } from './finding.ts';

export function startingFile(gateway: string, findings: readonly Finding[]): string {
  const sources = unique(findings.flatMap((finding) => finding.sources));
  const known = sources.filter(({ source }) => source.isGuess !== true && source.channels.length > 0);
  const signals = unique(
    known.flatMap(({ id, source }) =>
      source.channels.map((channel) => ({ id, ...channel, name: nameOf(channel.channel) })),
    ),
  );
  const lines = [
    '# Found by weir-agent scan. Check names and units, say ranges, and then: weir-agent check gateway.yaml',
    `gateway: ${quoted(gateway)}`,
    '# hub: mqtts://hub.factory.lan',
    '',
    ...section('sources', sources.map(sourceLine)),
    '',
    ...section(
      'signals',
      signals.map(({ id, source: { id: from, channel, unit } }) => {
        const said = unit === undefined ? '' : `, unit: ${quoted(unit)}`;
        return `  ${id}: { from: ${JSON.stringify(`${from}.${channel}`)}${said} }`;
      }),
    ),
    '',
    'windows:',
    '  - { every: 1m, of: all, compute: [mean, min, max] }',
  ];
  return `${lines.join('\n')}\n`;
}

function sourceLine({ id, source }: { id: string; source: SuggestedSource }): string {
  const note = source.note === undefined ? '' : `  # ${source.note}`;
  return `  ${source.isGuess === true || source.channels.length === 0 ? '# ' : ''}${id}: ${source.entry}${note}`;
}

/** A section with nothing but comments in it would be no map. */
function section(name: string, lines: readonly string[]): string[] {
  const isEmpty = lines.every((line) => line.trimStart().startsWith('#'));
  return [isEmpty ? `${name}: {}` : `${name}:`, ...lines];
}

function unique<T extends { readonly name: string }>(all: readonly T[]): { id: string; source: T }[] {
  const taken = new Set<string>();
  return all.map((source) => {
    let id = source.name;
    for (let number = 2; taken.has(id); number++) id = `${source.name}_${number}`;
    taken.add(id);
    return { id, source };
  });
}
