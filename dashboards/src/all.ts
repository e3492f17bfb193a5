// All dashboards, and the file each is written to. A new dashboard is one file and one line here.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { factory } from './factory.ts';
import { fleet } from './fleet.ts';
import { wearables } from './wearables.ts';

export interface DashboardFile {
  /** Within dashboards/grafana/. */
  readonly fileName: string;
  readonly dashboard: Dashboard;
}

export const all: readonly DashboardFile[] = [
  { fileName: 'factory.json', dashboard: factory },
  { fileName: 'wearables.json', dashboard: wearables },
  { fileName: 'fleet.json', dashboard: fleet },
];
