// All detectors, by the name they have in the gateway file: a new one is a file, a line here and a page in docs/detectors.

import { auto } from './auto.ts';
import { change } from './change.ts';
import type { DetectorKind } from './detector.ts';
import { level } from './level.ts';
import { novelty } from './novelty.ts';
import { peaks } from './peaks.ts';
import { rate } from './rate.ts';
import { residual } from './residual.ts';
import { seasonal } from './seasonal.ts';
import { silent } from './silent.ts';
import { spectral } from './spectral.ts';
import { spread } from './spread.ts';
import { stuck } from './stuck.ts';
import { swing } from './swing.ts';

export const detectorKinds: readonly DetectorKind[] = [
  auto,
  novelty,
  level,
  swing,
  residual,
  seasonal,
  change,
  spread,
  peaks,
  rate,
  stuck,
  silent,
  spectral,
];
