// One shape for each meaning, so that nothing is said by colour alone: octagon, triangle, circle, tick, cross.

const namespace = 'http://www.w3.org/2000/svg';

const shapes = {
  critical: ['M5.3 1h5.4L15 5.3v5.4L10.7 15H5.3L1 10.7V5.3z', 'M8 4.2v4.6M8 11.4v.2'],
  warning: ['M8 1.4 15.2 14H.8z', 'M8 6v3.8M8 11.8v.2'],
  info: ['M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1z', 'M8 7.2v4M8 4.6v.2'],
  good: ['M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1z', 'M4.8 8.3 7 10.5l4.2-4.8'],
  bad: ['M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1z', 'M5.5 5.5l5 5M10.5 5.5l-5 5'],
  waiting: ['M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1z', 'M8 4.2V8l2.6 1.8'],
} as const;

export type IconName = keyof typeof shapes;

/** Decoration beside a word that says the same; hidden from screen readers. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  const [body, mark] = shapes[name];
  svg.append(path(body, 'icon-body'), path(mark, 'icon-mark'));
  return svg;
}

function path(shape: string, className: string): SVGPathElement {
  const made = document.createElementNS(namespace, 'path');
  made.setAttribute('d', shape);
  made.setAttribute('class', className);
  return made;
}

/** Severities are words of the gateway file; one that is not known is shown like information. */
export function severityIcon(severity: string): IconName {
  return severity === 'critical' || severity === 'warning' ? severity : 'info';
}
