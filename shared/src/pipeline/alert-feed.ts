import type { Emit } from '../alert/alarm.ts';
import type { CompiledRule, RuleAlarm } from '../alert/rule.ts';

/** Where the readings of a series go. */
export interface AlertFeed {
  readonly alarm: RuleAlarm;
  readonly input: number;
  readonly emit: Emit;
  /**
   * The alarm is calm and hears nothing of values between which it stays so: that is nearly all of them. Whoever looks at the
   * alarm has it catch up first.
   */
  isCalm: boolean;
  readonly calm: CompiledRule['calm'];
}
