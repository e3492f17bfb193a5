// The gateway's own Thing Description (W3C TD 1.1): each series is a property `device/signal`, each alert an event.

import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { parseChannel } from '@weir/shared/config/channel.ts';

export interface Measured {
  readonly device: string;
  readonly signal: string;
}

/** What an event says: a transition of an alarm, as far as others need it. */
const transition = {
  type: 'object',
  properties: {
    alert: { type: 'string' },
    state: { type: 'string' },
    severity: { type: 'string' },
    device: { type: 'string' },
    signal: { type: 'string' },
    value: { type: 'number', description: 'What caused it; left out when no reading did.' },
    time: { type: 'string', format: 'date-time' },
    since: { type: 'string', format: 'date-time' },
    reason: { type: 'string' },
  },
} as const;

/** @param base address of the Thing, with a slash at the end @param known series there are readings of */
export function describeAgent(file: GatewayFile, base: string, known: readonly Measured[]): object {
  const properties = Object.fromEntries(
    [...expected(file), ...known].map((measured) => [propertyName(measured), describeProperty(file, measured)]),
  );
  const events = Object.fromEntries(
    [...file.alerts].map(([name, { severity }]) => [
      name,
      {
        title: name,
        description: `An alarm changes its state; severity ${severity}.`,
        data: transition,
        forms: [
          {
            href: `events/${encodeURIComponent(name)}`,
            contentType: 'application/json',
            subprotocol: 'sse',
            op: ['subscribeevent', 'unsubscribeevent'],
          },
        ],
      },
    ]),
  );
  return {
    '@context': 'https://www.w3.org/2022/wot/td/v1.1',
    '@type': 'Thing',
    id: `urn:weir:${file.gateway}`,
    title: file.gateway,
    description: 'A Weir gateway: its signals are properties, its alerts are events.',
    base,
    securityDefinitions: { open: { scheme: 'nosec' } },
    security: ['open'],
    forms: [{ href: 'properties', contentType: 'application/json', op: ['readallproperties'] }],
    properties,
    events,
  };
}

export function propertyName({ device, signal }: Measured): string {
  return `${device}/${signal}`;
}

/** Series that are known before the first reading, because their source has one device. */
function expected(file: GatewayFile): Measured[] {
  return [...file.signals].flatMap(([signal, { from = [] }]) =>
    from.flatMap((text) => {
      const device = file.sources.get(parseChannel(text).source)?.device;
      return device === undefined ? [] : [{ device, signal }];
    }),
  );
}

function describeProperty(file: GatewayFile, measured: Measured): object {
  const { unit, range: [low, high] = [-Infinity, Infinity] } = file.signals.get(measured.signal) ?? {};
  const path = `properties/${encodeURIComponent(measured.device)}/${encodeURIComponent(measured.signal)}`;
  return {
    title: `${measured.signal} of ${measured.device}`,
    type: 'number',
    ...(unit === undefined ? {} : { unit }),
    ...(Number.isFinite(low) ? { minimum: low } : {}),
    ...(Number.isFinite(high) ? { maximum: high } : {}),
    readOnly: true,
    observable: true,
    forms: [
      { href: path, contentType: 'application/json', op: ['readproperty'] },
      {
        href: `${path}/changes`,
        contentType: 'application/json',
        subprotocol: 'sse',
        op: ['observeproperty', 'unobserveproperty'],
      },
    ],
  };
}
