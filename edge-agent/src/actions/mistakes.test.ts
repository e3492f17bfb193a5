import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import { describe, expect, it } from 'vitest';
import { sourceKinds } from '../sources/registry.ts';
import { actionKinds } from './registry.ts';

/** What is said about an action; the file around it is good. */
function said(action: string, more = ''): string[] {
  const text = [
    'gateway: bench',
    'sources: { board: { serial: /dev/board, format: json } }',
    'signals: { temperature: { from: board.temperature } }',
    'windows: [ { every: 1m, of: all, compute: [mean] } ]',
    'actions:',
    `  it: ${action}`,
    ...(more === '' ? [] : [`  other: ${more}`]),
  ].join('\n');
  const { problems } = readGatewayFile(text, { sources: sourceKinds, actions: actionKinds });
  return problems.map((problem) => formatProblem('f', problem));
}

describe('an action of the gateway file', () => {
  it.each([
    '{ webhook: "http://10.0.0.5/alarm", on: [firing, latched], timeout: 3s, giveUpAfter: 1h, limit: none, group: 5s by device }',
    '{ webhook: "http://10.0.0.5/alarm", body: { text: "{rule}", blocks: [{ text: "{device}" }, 7] } }',
    '{ webhook: "http://10.0.0.5/alarm", body: "{\\"rule\\": \\"{rule}\\"}" }',
    '{ mqtt: "mqtt://10.0.0.5", topic: "alarms/{gateway}/{device}", body: "{text}", limit: 3 per 1m }',
    '{ gpio: 27, while: unacknowledged, activeLow: true, failSafe: keep, pulse: 500ms/1s, chip: pinctrl-bcm2711 }',
    '{ gpio: 27, pulse: 500ms }',
    '{ serial: /dev/ttyUSB0, baud: 9600, text: "{state} {rule}", end: "\\r\\n" }',
    '{ command: [/usr/local/bin/siren, "--rule", "{rule}"] }',
    '{ command: [/bin/sh, /etc/weir/siren.sh, "{rule}"] }',
    '{ command: [/bin/sh, -c, "beep"] }',
    '{ command: [/usr/bin/siren, -c, "{rule}"] }',
  ])('may be %s', (action) => {
    expect(said(action)).toEqual([]);
  });

  it.each([
    ['{ webhook: "http://h/", body: "{rulee}" }', 'f:6:37: error: {rulee} stands for nothing, did you mean "rule"?'],
    [
      '{ webhook: "http://h/", body: { a: [x, "{Device}"] } }',
      'f:6:46: error: {Device} stands for nothing, did you mean "device"?',
    ],
    [
      '{ mqtt: "mqtt://h", topic: "a/{other}" }',
      /^f:6:34: error: \{other\} stands for nothing; known here: rule, device, /,
    ],
    ['{ mqtt: "mqtt://h", topic: "a/+" }', 'f:6:34: error: a message goes to one topic: no + and # in it'],
    ['{ webhook: "http://h/", limit: 10 }', /^f:6:38: error: /],
    ['{ webhook: "http://h/", limit: 0 per 10s }', /is no limit; write it like 10 per 10s/],
    ['{ webhook: "http://h/", limit: 10 per s }', /is no limit; write it like 10 per 10s/],
    ['{ webhook: "http://h/", group: 5s by plant }', /is no grouping; write it like 5s, or 5s by device/],
    ['{ webhook: "http://h/", on: [fired] }', /"fired" is none of: firing, latched, /],
    ['{ webhook: "http://h/", timeout: 0s }', /the duration must be longer than zero/],
    ['{ gpio: 27, timeout: 3s }', /unknown key "timeout"/],
    ['{ gpio: 27, pulse: 500ms/10ms }', /is no pulse; write on\/off like 500ms\/500ms, 50ms or longer/],
    ['{ gpio: pin27 }', /^f:6:15: error: /],
    ['{ gpio: 27, while: fire }', /"fire" is none of: firing, unacknowledged/],
    ['{ command: [siren] }', 'f:6:19: error: write the program with its full path, such as /usr/local/bin/siren'],
    ['{ command: ["/usr/bin/{rule}"] }', /write the program with its full path/],
    ['{ command: "/usr/bin/siren" }', /^f:6:18: error: /],
    [
      '{ command: [/bin/sh, -c, "echo {device}"] }',
      /^f:6:32: error: what a device says must not become part of a script/,
    ],
    ['{ command: [/usr/bin/sudo, /bin/bash, -lc, "echo {device}"] }', /must not become part of a script/],
    ['{ command: [/usr/bin/python3.11, -c, "print({value})"] }', /must not become part of a script/],
    ['{ command: [/usr/bin/node, "--eval={value}"] }', /must not become part of a script/],
  ])('%s is a mistake, with its place and what to do', (action, problem) => {
    expect(said(action)).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
  });

  it('has its port and its line for itself', () => {
    expect(said('{ serial: /dev/board }')).toEqual(['f:6:17: error: /dev/board is already read by source "board"']);
    expect(said('{ gpio: 27 }', '{ gpio: 27, while: unacknowledged }')).toEqual([
      'f:7:18: error: GPIO 27 is already used by action "it"',
    ]);
    expect(said('{ gpio: 27 }', '{ gpio: 22 }')).toEqual([]);
  });
});
