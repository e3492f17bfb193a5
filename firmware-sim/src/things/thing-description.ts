// The description of a served thing: W3C Web of Things Thing Description 1.1.

import { type Quantity, quantityOf } from '../signals/kinds.ts';
import type { Thing } from '../board-schema.ts';

const units: Readonly<Partial<Record<Quantity, string>>> = {
  temperature: '°C',
  humidity: '%',
  pressure: 'bar',
  velocity: 'mm/s',
};

/** @param base http://host:port/ */
export function thingDescription(name: string, { signals }: Pick<Thing, 'signals'>, base: string): object {
  const properties = Object.entries(signals).map(([signal, { kind }]) => {
    const unit = units[quantityOf[kind]];
    const href = `properties/${signal}`;
    const observe = ['observeproperty', 'unobserveproperty'];
    const contentType = 'application/json';
    return [
      signal,
      {
        type: quantityOf[kind] === 'state' ? 'integer' : 'number',
        ...(unit === undefined ? {} : { unit }),
        readOnly: true,
        observable: true,
        forms: [
          { href, op: ['readproperty'], contentType, 'htv:methodName': 'GET' },
          { href: `${href}/sse`, op: observe, contentType, subprotocol: 'sse' },
          { href: `${href}/longpoll`, op: observe, contentType, subprotocol: 'longpoll' },
        ],
      },
    ] as const;
  });
  return {
    '@context': ['https://www.w3.org/2022/wot/td/v1.1'],
    id: `urn:weir-sim:${name}`,
    title: name,
    base,
    securityDefinitions: { nosec_sc: { scheme: 'nosec' } },
    security: ['nosec_sc'],
    properties: Object.fromEntries(properties),
  };
}
