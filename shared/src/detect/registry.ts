// All detectors, by the name they have in the gateway file: a new one is a file, a line here and a page in docs/detectors.

import { auto } from './auto.ts';
import { change } from './change.ts';
import type { DetectorKind } from './detector.ts';
import { novelty } from './novelty.ts';

export const detectorKinds: readonly DetectorKind[] = [auto, novelty, change];
