// The colours of page.css, for what is drawn on canvas: read again when the reader's system turns dark or light.

export const lineColours = 8;

export interface Theme {
  readonly lines: readonly string[];
  readonly text: string;
  readonly grid: string;
  readonly surface: string;
  readonly font: string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    lines: Array.from({ length: lineColours }, (_, index) => colour(`--line-${index + 1}`)),
    text: colour('--muted'),
    grid: colour('--grid'),
    surface: colour('--surface'),
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
}

export function onThemeChange(changed: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}

/** A device's place among the devices of its gateway decides its colour; after eight the lines are dashed, then dotted. */
export function lineStyle(theme: Theme, place: number): { colour: string; dash: number[] } {
  const dashes = [[], [8, 4], [2, 3]];
  const colour = theme.lines[place % lineColours] ?? theme.text;
  return { colour, dash: dashes[Math.floor(place / lineColours) % dashes.length] ?? [] };
}
