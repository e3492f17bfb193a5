import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BadThingDescription,
  channelsOf,
  deviceName,
  readThingDescription,
  schemaOf,
  toThingDescription,
} from './thing-description.ts';

const form = (href: string, more: object = {}) => ({ href, ...more });

describe('a Thing Description', () => {
  it.each([
    ['{ "title": ', 'boiler.td.json is not JSON'],
    ['[]', 'boiler.td.json is not a Thing Description'],
    ['{"title": "x"}', 'has no properties and no events'],
    ['{"properties": {"a": {"type": "number"}}}', 'is not a Thing Description at properties/a/forms'],
    ['{"properties": {"a": {"forms": []}}}', 'at properties/a/forms: no forms'],
    ['{"properties": {"a": {"forms": [{"href": ""}]}}}', 'at properties/a/forms/0/href: a form without href'],
    ['{"properties": {"a": {"forms": [{"href": "opc.tcp://h/a"}]}}}', 'no form that Weir can use; it speaks http'],
    ['{"properties": {"a": {"forms": [{"href": "a"}]}}}', 'relative addresses need a base'],
    ['{"properties": {"a": {"type": "float", "forms": [{"href": "http://h/a"}]}}}', 'at properties/a/type'],
  ])('that cannot be used says so: %s', (text, message) => {
    expect(() => readThingDescription(text, 'boiler.td.json')).toThrow(message);
  });

  it('damaged anywhere, in any way, is read or refused in words that name it', () => {
    const good = {
      title: 'x',
      id: 'urn:x',
      base: 'http://h/',
      security: ['sc'],
      securityDefinitions: { sc: { scheme: 'nosec' } },
      properties: {
        a: { type: 'object', properties: { b: { minimum: 1 } }, forms: [form('a', { op: 'readproperty' })] },
      },
      events: { e: { data: { type: 'number' }, forms: [form('e')] } },
    };
    const paths: string[][] = [];
    const walk = (value: unknown, path: string[]): void => {
      paths.push(path);
      if (typeof value === 'object' && value !== null)
        for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
    };
    walk(good, []);
    const put = (value: unknown, [key, ...rest]: readonly string[], junk: unknown): unknown => {
      if (key === undefined) return junk;
      const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
      const changed = entries.map(([name, inner]) => [name, name === key ? put(inner, rest, junk) : inner]);
      return Array.isArray(value) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, junk) => {
        try {
          const thing = toThingDescription(put(good, path, junk), 'boiler.td.json');
          expect(thing.affordances.length).toBeGreaterThan(0);
          channelsOf(thing);
        } catch (error) {
          expect(error).toBeInstanceOf(BadThingDescription);
          expect(String(error)).toContain('boiler.td.json');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the first form of each property that can be asked, and of those that can be watched', () => {
    const { affordances } = toThingDescription(
      {
        base: 'http://h/thing/',
        properties: {
          plain: { forms: [form('plain')] },
          written: { forms: [form('written', { op: 'writeproperty' })] },
          secret: { writeOnly: true, forms: [form('secret')] },
          both: {
            forms: [
              form('opc.tcp://h/1'),
              form('both{?unit}', { op: ['readproperty', 'writeproperty'] }),
              form('coap://h/both', { op: 'observeproperty' }),
              form('both/observe', { op: ['observeproperty'], subprotocol: 'sse' }),
            ],
          },
          pushed: { forms: [form('mqtt://h/pushed', { op: 'readproperty' })] },
          beside: { forms: [form('mqtt://h:1883', { op: 'observeproperty', 'mqv:filter': 'a/b' })] },
          register: { forms: [form('modbus+tcp://h/1/7', { op: ['readproperty', 'observeproperty'] })] },
        },
        events: { gone: { forms: [form('gone')] }, ended: { forms: [form('ended', { op: 'unsubscribeevent' })] } },
      },
      'x',
    );
    expect(affordances.map(({ name, read, watch }) => [name, read?.href, watch?.href])).toEqual([
      ['plain', 'http://h/thing/plain', undefined],
      ['written', undefined, undefined],
      ['both', 'http://h/thing/both', 'coap://h/both'],
      ['pushed', undefined, 'mqtt://h/pushed'],
      ['beside', undefined, 'mqtt://h:1883/a/b'],
      ['register', 'modbus+tcp://h/1/7', undefined],
      ['gone', undefined, 'http://h/thing/gone'],
      ['ended', undefined, undefined],
    ]);
  });

  it('says how it wants to be logged in to: the form before the Thing', () => {
    const { affordances } = toThingDescription(
      {
        securityDefinitions: { basic_sc: { scheme: 'basic', in: 'header' }, open: { scheme: 'nosec' } },
        security: ['basic_sc'],
        properties: {
          a: { forms: [form('http://h/a'), form('http://h/b')] },
          b: { forms: [form('http://h/b', { security: 'open' })] },
        },
      },
      'x',
    );
    expect(affordances.map(({ read }) => read?.security)).toEqual([
      [{ scheme: 'basic', in: 'header' }],
      [{ scheme: 'nosec' }],
    ]);
  });

  it('lists its channels, and what each may be, unless an object does not say what is in it', () => {
    const flow = { type: 'object', properties: { in: { type: 'number', unit: 'l/min' }, out: { type: 'number' } } };
    const description = (more: object) =>
      toThingDescription(
        {
          properties: {
            level: { forms: [form('http://h/l')] },
            flow: { ...flow, ...more, forms: [form('http://h/f')] },
          },
        },
        'x',
      );
    expect(channelsOf(description({}))).toEqual(['level', 'flow', 'flow.in', 'flow.out']);
    expect(schemaOf(description({}), 'flow.in')?.unit).toBe('l/min');
    expect(schemaOf(description({}), 'flow.by')).toBeUndefined();
    expect(channelsOf(description({ properties: undefined }))).toBeUndefined();
  });
});

it.each([
  ['Boiler of Hall 3', 'boiler-of-hall-3'],
  ['Kühlhaus – Süd', 'kuhlhaus-sud'],
  ['  .hidden', 'hidden'],
  ['温度計', 'thing'],
  ['urn:dev:ops:32473-Lamp', 'urn-dev-ops-32473-lamp'],
  ['x'.repeat(80), 'x'.repeat(64)],
])('a Thing called %j is the device %s', (title, name) => {
  expect(deviceName(title)).toBe(name);
});
