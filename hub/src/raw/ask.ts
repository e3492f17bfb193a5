// Asking a gateway for raw readings: by a person (API, command line), or by the hub itself around an alert.
//
// What the hub asks by itself must stay little, however much a rule chatters or however long a gateway is away. So a
// request around an alert first looks at what is open for its series: what is asked already is not asked again; one that
// was not sent yet is made longer, up to a limit; and beyond a few open ones of a series no more are made. What is left out
// is still on the gateway, and can be asked for.

import { namePattern } from '@weir/shared/wire/topics.ts';
import { HubError } from '../errors.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import type { RawRange, RawRequest, RawRequests } from '../state/raw-requests.ts';
import type { State } from '../state/state.ts';

type Span = Pick<RawRange, 'fromMs' | 'toMs'>;

/** Open ones of one gateway, whoever made them. */
export const maxOpenOfGateway = 1000;
/** Of what one request asks for. */
export const maxRangeMs = 24 * 3_600_000;
/** Open ones of one series, made around alerts. */
const maxOpenAround = 4;
/** Of what requests around alerts are made longer to. */
const maxAroundMs = 600_000;
const maxAheadMs = 3_600_000;

/**
 * Notes a request, or finds the open one that asks the same.
 * @throws HubError when it cannot be asked for
 */
export function askRaw(
  state: State,
  range: RawRange,
  { keepMs, nowMs }: { keepMs: number; nowMs: number },
): RawRequest {
  const { gateway, device, signal, fromMs, toMs } = range;
  for (const [what, name] of Object.entries({ device, signal })) {
    if (!namePattern.test(name)) throw refused(`${what}: "${name}" is no name`);
  }
  if (state.gateways.keyHash(gateway) === undefined) throw refused(`there is no gateway "${gateway}"`);
  if (!(fromMs < toMs)) throw refused('from has to be before to');
  if (toMs - fromMs > maxRangeMs) throw refused('at most 24 hours can be asked for at once');
  if (toMs > nowMs + maxAheadMs) throw refused('to is more than an hour ahead');
  if (fromMs < nowMs - keepMs) {
    const oldest = new Date(nowMs - keepMs).toISOString();
    throw refused(`from is before ${oldest}: raw readings are not kept longer (raw.keep in hub.yaml)`);
  }
  return state.transaction(() => {
    const { rawRequests } = state;
    const same = rawRequests.openOfSeries(range).find((one) => one.fromMs === fromMs && one.toMs === toMs);
    if (same !== undefined) return same;
    if (rawRequests.countOpen(gateway) >= maxOpenOfGateway)
      throw refused(`${gateway} has not answered ${maxOpenOfGateway} requests yet: wait until it has`);
    return rawRequests.add(range, 'asked', nowMs);
  });
}

/** Asks for the readings around an alert that begins to fire. Run inside a transaction. */
export function askAround(
  requests: RawRequests,
  { gateway, transition }: GatewayTransition,
  { aroundMs, keepMs, nowMs }: { aroundMs: number; keepMs: number; nowMs: number },
): void {
  const { rule, series, state, time } = transition;
  if (state !== 'firing' || aroundMs === 0 || time - aroundMs < nowMs - keepMs) return;
  const { device, signal } = series;
  // Names come from the gateway's frame and passed its checks; a rule over several series may name none.
  if (!namePattern.test(device) || !namePattern.test(signal)) return;
  const open = requests.openOfSeries({ gateway, device, signal });
  const isExtensible = ({ sent, why }: RawRequest): boolean => !sent && why !== 'asked';
  let rest: Span | undefined = { fromMs: time - aroundMs, toMs: time + aroundMs };
  for (const one of open) if (!isExtensible(one)) rest = rest && without(rest, one);
  for (const one of open.filter(isExtensible)) {
    if (rest === undefined || one.fromMs > rest.toMs || one.toMs < rest.fromMs) continue;
    const [fromMs, toMs] = [Math.min(one.fromMs, rest.fromMs), Math.max(one.toMs, rest.toMs)];
    if (toMs - fromMs <= Math.max(maxAroundMs, 2 * aroundMs)) {
      if (fromMs < one.fromMs || toMs > one.toMs) requests.extend(one, fromMs, toMs);
      return;
    }
    rest = without(rest, one);
  }
  if (rest === undefined) return;
  if (open.filter(({ why }) => why !== 'asked').length >= maxOpenAround) return;
  if (requests.countOpen(gateway) >= maxOpenOfGateway) return;
  requests.add({ gateway, device, signal, ...rest }, `alert ${rule}`, nowMs);
}

/** What is left of `span` on one side of `other`; where it reaches beyond it on both, all of it. */
function without(span: Span, other: Span): Span | undefined {
  const fromMs = other.fromMs <= span.fromMs ? Math.max(span.fromMs, other.toMs) : span.fromMs;
  const toMs = other.toMs >= span.toMs ? Math.min(span.toMs, other.fromMs) : span.toMs;
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

function refused(message: string): HubError {
  return new HubError('WEIR_HUB_RAW', message);
}
