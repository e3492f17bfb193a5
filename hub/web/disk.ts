// What a gateway says of its disk and its clock, in words.

import type { GatewayView, StorageView } from '../src/http/views.ts';
import { formatAgo, formatBytes, formatCount, formatDuration, formatYears } from './format.ts';
import type { IconName } from './icons.ts';

export const diskFacts = ['Written per hour', 'Syncs per hour', 'Card lasts', 'Free space', 'Raw readings since'];

export function diskTexts(storage: StorageView, nowMs: number): string[] {
  return [
    formatBytes(storage.writtenBytesPerHour),
    formatCount(storage.syncsPerHour),
    formatYears(storage.years),
    formatBytes(storage.freeBytes),
    storage.rawSince === null ? '–' : formatAgo(storage.rawSince, nowMs),
  ];
}

/** A commit interval nobody sets, unless for the card's sake. */
const stretchedMs = 5000;

/** What a person should know of the disk; nothing when all is well. */
export function diskWarnings({ damagedRecords, damagedBytes, atRisk, commitMs }: StorageView): string[] {
  const warnings: string[] = [];
  if (damagedRecords > 0 || damagedBytes > 0)
    warnings.push(
      `Damage on its disk: ${formatCount(damagedRecords)} ${damagedRecords === 1 ? 'record' : 'records'} missing, ` +
        `${formatBytes(damagedBytes)} unreadable, since the agent started`,
    );
  if (atRisk > 0)
    warnings.push(
      `At risk: ${formatCount(atRisk)} readings were acknowledged while the disk could not take them; ` +
        'a power cut before it could has lost them',
    );
  if (commitMs > stretchedMs) warnings.push(`To spare its card it writes only every ${formatDuration(commitMs)}`);
  return warnings;
}

const clocks: Readonly<Record<string, [IconName, string]>> = {
  synchronised: ['good', 'Synchronised'],
  holding: ['waiting', 'Holding'],
  unknown: ['bad', 'Not known'],
};

type Clock = NonNullable<GatewayView['clock']>;

export function clockWord({ state }: Clock): [IconName, string] {
  return clocks[state] ?? ['bad', state];
}

/** What a person should know of the clock; nothing when all is well. */
export function clockWarnings({ state, detail }: Clock): string[] {
  if (state === 'synchronised') return [];
  const why = detail === '' ? '' : `: ${detail}`;
  if (state === 'holding') return [`Nobody tells it the time at present; it goes on with what it knew${why}`];
  if (state === 'unknown') return [`It does not know the time yet, and keeps its readings until it does${why}`];
  return [`Clock: ${state}${why}`];
}
