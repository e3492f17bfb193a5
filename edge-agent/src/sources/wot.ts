// Things of the Web of Things, by their Thing Descriptions: HTTP, CoAP, MQTT, Modbus TCP and WebSocket through one source.
//
// Reading them is the work of a child process (edge-agent/src/wot): node-wot costs memory and a second, and what hangs or dies
// there takes nothing here with it. A child that is lost is an error of this source, and the supervisor opens it again.
// Back-pressure goes by credit: the child sends on when a delivery has been taken.

import { resolve } from 'node:path';
import { positiveDuration } from '@weir/shared/config/schema.ts';
import { namePattern } from '@weir/shared/wire/topics.ts';
import * as z from 'zod';
import { ReadingBatch } from '../formats/batch.ts';
import { timeUnits } from '../formats/time-field.ts';
import { readSecret } from '../mqtt/options.ts';
import { mistakeAt, thingsAt, unitAt } from '../wot/local-things.ts';
import { channelsOf } from '../wot/thing-description.ts';
import { ThingProcess, type Samples } from '../wot/thing-process.ts';
import { sourceKind, type Delivery, type Source, type SourceContext, type SourceKind } from './source.ts';

const location = z.string().min(1, 'name a file, a folder or a URL');

const schema = z.strictObject({
  wot: z
    .union([location.transform((one) => [one]), z.array(location).min(1)])
    .describe(
      'Thing Description: a file, a folder of `*.td.json`, an http(s) URL of one, or of a directory that lists several (`/things`). Or a list of these.',
    ),
  poll: positiveDuration
    .default(5000)
    .describe('How often properties are asked for that are not observed. Default 5s.'),
  refresh: positiveDuration
    .default(60_000)
    .describe('How often properties are asked for that are observed: it tells a Thing that is gone. Default 1m.'),
  timeout: positiveDuration.default(5000).describe('A Thing that does not answer for so long is away. Default 5s.'),
  device: z
    .string()
    .regex(namePattern, 'a name starts with a letter, digit or _ and has at most 64 letters, digits, _, - and .')
    .optional()
    .describe("The one Thing's name in series and tags. Default: its title, in lower case and with `-` for spaces."),
  time: z
    .string()
    .optional()
    .describe('Field of object values with the event time. Without it, the time of arrival is taken.'),
  timeUnit: z.enum(timeUnits).default('ms').describe('Unit of a numeric event time since 1970. Default ms.'),
  username: z.string().optional().describe('User name, for Things with basic security.'),
  passwordFile: z.string().optional().describe('File with the password; its first line is taken.'),
  tokenFile: z
    .string()
    .optional()
    .describe('File with the token, for Things with bearer or apikey security; its first line is taken.'),
});

type Config = z.output<typeof schema>;

/** @param silentMs the child is given up when it says nothing for so long */
export function wotKind(silentMs = 15_000): SourceKind {
  return sourceKind({
    key: 'wot',
    schema,
    channels: (config, base) => {
      const lists = thingsAt(config.wot, base)?.map(channelsOf);
      return lists?.every((list) => list !== undefined) === true ? lists.flat() : undefined;
    },
    unit: ({ wot }, channel, base) => unitAt(thingsAt(wot, base) ?? [], channel),
    mistake: ({ wot }, base) => mistakeAt(wot, base),
    device: ({ wot, device }, _id, base) => {
      const [first, second] = thingsAt(wot, base) ?? [];
      return device ?? (second === undefined ? first?.device : undefined);
    },
    make: (config, context) => new WotSource(config, context, silentMs),
  });
}

export const wot = wotKind();

class WotSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;
  readonly #silentMs: number;

  constructor(config: Config, context: SourceContext, silentMs: number) {
    this.#config = config;
    this.#context = context;
    this.#silentMs = silentMs;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    if (signal.aborted) return;
    const process = this.#start();
    const stop = (): void => process.wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const samples = await process.next();
        if (samples === undefined) continue;
        const delivery = this.#deliver(samples);
        if (delivery !== undefined) yield delivery;
        process.credit();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await process.end();
    }
  }

  #start(): ThingProcess {
    const { wot, poll, refresh, timeout, device, time, timeUnit, username, passwordFile, tokenFile } = this.#config;
    const context = this.#context;
    const { base, router } = context;
    return new ThingProcess({
      start: {
        locations: wot.map((one) => (/^https?:/.test(one) ? one : resolve(base, one))),
        channels: [...router.channels()],
        pollMs: poll,
        refreshMs: refresh,
        timeoutMs: timeout,
        device,
        time,
        timeUnit,
        username,
        password: readSecret(passwordFile, base),
        token: readSecret(tokenFile, base),
      },
      silentMs: this.#silentMs,
      state: ({ troubles, settled }) => {
        if (troubles.length > 0) context.trouble(troubles.join('; '));
        else if (settled) context.opened();
      },
    });
  }

  #deliver({ samples, dropped }: Samples): Delivery | undefined {
    const { id, clock, router } = this.#context;
    const now = clock.now();
    const monotonicMs = clock.monotonicMs();
    const oldestMs = samples.reduce((most, { ageMs }) => Math.max(most, ageMs), 0);
    const batch = new ReadingBatch(id, router, now);
    for (const { device, channel, ageMs, time = now - ageMs, value, dead } of samples) {
      if (dead !== undefined) batch.dead(dead.reason, device, dead.detail, dead.sample);
      else batch.value(device, channel, time, value, '');
    }
    if (dropped > 0) {
      const detail = `${dropped} values came faster than the agent could take them; poll less often, or observe less`;
      batch.dead('overrun', id, detail, '', dropped);
    }
    if (batch.size === 0) return undefined;
    const { readings, deadLetters, arrival } = batch;
    // A Thing does not say again what it has said: there is nobody to acknowledge to.
    return {
      readings,
      deadLetters,
      arrival,
      received: monotonicMs - oldestMs,
      attempt: 'only',
      ack: () => undefined,
    };
  }
}
