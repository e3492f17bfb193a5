// A dashboard as the text of its JSON file: the same code gives the same bytes, and a change shows as a small diff.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

export function jsonOf(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
