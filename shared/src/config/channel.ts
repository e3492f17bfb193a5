// `source.channel`, as signals name what they read. A channel may hold dots itself, a source may not.

export function parseChannel(text: string): { source: string; channel: string } {
  const dot = text.indexOf('.');
  return { source: text.slice(0, dot), channel: text.slice(dot + 1) };
}
