// Many gateways in one process, for thousand.test.ts: the agent's uplink and outbox, each on a disk in memory, without
// sources. Told `put`, each gets some panes more, one reading in each; to any other message it answers how all of them are.

import { Health } from '@weir/edge-agent/health.ts';
import { Outbox } from '@weir/edge-agent/log/outbox.ts';
import { MemoryDisk } from '@weir/edge-agent/testing/memory-disk.ts';
import { pane } from '@weir/edge-agent/testing/outputs.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { systemClock } from '@weir/edge-agent/time/clock.ts';
import { mqttLink } from '@weir/edge-agent/uplink/mqtt-link.ts';
import { Uplink } from '@weir/edge-agent/uplink/uplink.ts';
import { encodeStatus } from '@weir/shared/wire/codec.ts';

/** How they are, all together. */
export interface ManyStatus {
  readonly connected: number;
  /** Gateways that wait for an ack of the hub. */
  readonly waiting: number;
  /** Readings the hub has acknowledged, of each. */
  readonly delivered: readonly number[];
}

interface Gateway {
  taken: number;
  readonly outbox: Outbox;
  readonly health: Health;
  readonly uplink: Uplink;
}

const [url = '', key = '', count = '', perPut = ''] = process.argv.slice(2);
const random = randomFrom(1000);
const end = new AbortController();
const gateways = await Promise.all(Array.from({ length: Number(count) }, (_, index) => start(`gateway-${index}`)));
let due = 0;

process.on('message', (message) => {
  if (message === 'put') void put();
  else process.send?.(status());
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function start(gateway: string): Promise<Gateway> {
  const outbox = await Outbox.open(new MemoryDisk(), {
    folder: '/outbox',
    maxBytes: 1e6,
    journalIncarnation: 'journal',
    newIncarnation: () => '0123456789abcdef',
  });
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const made: Gateway = {
    taken: 0,
    outbox,
    health,
    uplink: new Uplink({
      connect: mqttLink(url),
      gateway,
      key: () => key,
      outbox,
      health,
      clock: systemClock,
      random,
      status: (online) => {
        const { taken } = made;
        const pending = outbox.pendingReadings;
        return encodeStatus({ online, timeMs: Date.now(), taken, pending, delivered: taken - pending });
      },
      statusMs: 5000,
    }),
  };
  void made.uplink.run(end.signal);
  return made;
}

/** A record each. */
async function put(): Promise<void> {
  due += Number(perPut);
  for (const gateway of gateways) {
    for (; gateway.taken < due; gateway.taken++)
      gateway.outbox.append(gateway.taken + 1, { panes: [pane(gateway.taken)], transitions: [] });
    await gateway.outbox.sync();
    gateway.uplink.nudge();
  }
}

function status(): ManyStatus {
  const isUp = ({ health }: Gateway): boolean => health.all().some(({ part, up }) => part === 'uplink' && up);
  return {
    connected: gateways.filter(isUp).length,
    waiting: gateways.filter(({ outbox }) => outbox.pendingReadings > 0).length,
    delivered: gateways.map(({ taken, outbox }) => taken - outbox.pendingReadings),
  };
}
