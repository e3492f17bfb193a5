// Topics as scenarios and the command line write them: band/{device}/{signal}.

/** Fills in the names; a placeholder without a name given stays as it is. */
export function topicOf(pattern: string, names: Readonly<Record<string, string>>): string {
  return pattern.replace(/\{(\w+)\}/g, (placeholder, name: string) => names[name] ?? placeholder);
}
