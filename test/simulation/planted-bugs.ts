// Bugs that a run can be given, each where the program meets its world: what the checks are worth is shown by their finding them.

import { crc32 } from 'node:zlib';
import type { Disk } from '@weir/edge-agent/log/disk.ts';
import { parseSegmentName, recordHeaderBytes, saltOf, segmentHeaderBytes } from '@weir/edge-agent/log/segment.ts';
import type { HubLink } from '@weir/edge-agent/uplink/hub-link.ts';
import { unpack } from '@weir/hub/ingest/packing.ts';
import type { Store } from '@weir/hub/store/store.ts';
import { decodeAck, decodeBatch, encodeAck } from '@weir/shared/wire/codec.ts';
import { ackTopic, parseTopic } from '@weir/shared/wire/topics.ts';
import type { Hooks } from './simulation.ts';

export const plantedBugs: Readonly<Record<string, Partial<Hooks>>> = {
  'nothing is synced': { disk: (disk) => withFiles(disk, () => false) },
  'the outbox is not synced, and is sent all the same': {
    disk: (disk) => withFiles(disk, (path) => !path.includes('/outbox/')),
  },
  'new names are not synced': { disk: (disk) => ({ ...disk, syncFolder: () => Promise.resolve() }) },
  'what a killed process left unsynced is built upon': {
    disk: (disk) => ({ ...disk, syncFile: () => Promise.resolve() }),
  },
  'records have no checksum': { disk: withoutChecksums },
  'the source is acknowledged before the commit': {
    handing: (delivery) => {
      delivery.ack();
      return delivery;
    },
  },
  'a reading that is repeated counts as a new one': {
    handing: (delivery) => ({ ...delivery, attempt: delivery.attempt === 'again' ? 'first' : delivery.attempt }),
  },
  'an alert waits for the disk': { acting: async (disk) => void (await disk.list('/data')) },
  'the outbox trims when the broker has it': { link: trimmedByBroker },
  'the outbox trims one more than is acknowledged': { link: (link) => withAcks(link, (seq) => seq + 1) },
  'the hub acknowledges before it stores': { store: storedLater },
  'the hub forgets its cursors': { starting: (database) => database.exec('DELETE FROM cursors') },
  'the store is given panes in the wrong order': {
    store: (store) => ({ ...store, write: (batch) => store.write({ ...batch, panes: batch.panes.toReversed() }) }),
  },
  'the store is not told what is retracted': {
    store: (store) => ({
      ...store,
      write: (batch) => store.write({ ...batch, panes: batch.panes.filter(({ pane }) => !pane.retracted) }),
    }),
  },
};

/** @param syncs whether the file at this path is synced when it is asked to be */
function withFiles(disk: Disk, syncs: (path: string) => boolean): Disk {
  return {
    ...disk,
    create: async (path) => {
      const file = await disk.create(path);
      return syncs(path) ? file : { ...file, sync: () => Promise.resolve() };
    },
  };
}

/** Whatever is read checks out. */
function withoutChecksums(disk: Disk): Disk {
  return {
    ...disk,
    read: async (path, offset, length) => {
      const name = parseSegmentName(path.slice(path.lastIndexOf('/') + 1));
      if (name === undefined) return disk.read(path, offset, length);
      const bytes = await disk.readAll(path);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = segmentHeaderBytes; at + recordHeaderBytes <= bytes.length;) {
        const end = at + recordHeaderBytes + view.getUint32(at, true);
        if (end > bytes.length) break;
        view.setUint32(at + 4, crc32(bytes.subarray(at + 8, end), saltOf(name.incarnation)), true);
        at = end;
      }
      return bytes.slice(offset, offset + length);
    },
  };
}

/** PUBACK is taken for the hub's word. */
function trimmedByBroker(link: HubLink): HubLink {
  return async (options, signal) => {
    const session = await link(options, signal);
    return {
      ...session,
      publish: async (topic, payload, retain) => {
        await session.publish(topic, payload, retain);
        const parsed = parseTopic(topic);
        if (parsed?.kind !== 'up') return;
        const { incarnation, firstSeq, entries } = decodeBatch(unpack(payload));
        const seq = firstSeq + entries.reduce((sum, { span }) => sum + span, 0) - 1;
        options.received(ackTopic(options.gateway), encodeAck({ incarnation, lane: parsed.lane, seq }));
      },
    };
  };
}

function withAcks(link: HubLink, change: (seq: number) => number): HubLink {
  return (options, signal) =>
    link(
      {
        ...options,
        received: (topic, payload) => {
          if (topic !== ackTopic(options.gateway)) return options.received(topic, payload);
          const ack = decodeAck(payload);
          options.received(topic, encodeAck({ ...ack, seq: change(ack.seq) }));
        },
      },
      signal,
    );
}

function storedLater(store: Store): Store {
  return {
    ...store,
    write: (batch) => {
      // What comes of it nobody looks at.
      store.write({ ...batch, panes: [...batch.panes] }).catch(() => undefined);
      return Promise.resolve([]);
    },
  };
}
