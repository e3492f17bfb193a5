// Sparkplug B (Eclipse Sparkplug 3.0): `spBv1.0/{group}/{type}/{edge node}` or `…/{device}`.
//
// A birth (NBIRTH, DBIRTH) names every metric, with its type and maybe an alias; data (NDATA, DDATA) may then say the alias
// alone; a death (NDEATH, DDEATH) says that nothing is known any more. So the decoder remembers what each edge node was born
// with, until its next birth. Data of one whose birth nobody heard is passed over, and the node is asked to be born again.
//
// Channels are the names of metrics, with `_` for white space. The device is the edge node, or `node.device`. Historical
// values are readings of their time. A death makes the last value of each metric uncertain, at the time of the death.

import type { Quality } from '@weir/shared/model/quality.ts';
import type { ReadingBatch } from '../formats/batch.ts';
import { readPayload, valueOf, type Metric, type Payload } from './sparkplug-payload.ts';

const namespace = 'spBv1.0';
/** A node is asked again after so long, not with every message it sends. */
const askAgainMs = 30_000;
const mostNodes = 10_000;
const mostMetrics = 20_000;
const [goodQuality, staleQuality] = [192, 500];

interface Born {
  readonly name: string;
  readonly datatype: number | undefined;
}

interface Node {
  /** What deaths are compared by: the number of its birth. */
  bdSeq: number | undefined;
  readonly aliases: Map<number, Born>;
  readonly types: Map<string, number>;
  /** Device -> channel -> last value. */
  readonly last: Map<string, Map<string, number | boolean>>;
}

export interface Asked {
  /** Topic a rebirth is asked by. */
  readonly topic: string;
}

export class SparkplugDecoder {
  readonly #nodes = new Map<string, Node>();
  readonly #askedAt = new Map<string, number>();

  /** @returns the topic to ask a rebirth by, when the node must be asked @param topic as received */
  decode(topic: string, bytes: Buffer, batch: ReadingBatch): Asked | undefined {
    const [space, group, type, edge, device] = topic.split('/');
    if (space !== namespace || group === undefined || type === undefined || edge === undefined) {
      batch.dead('unmapped', topic, 'no topic of Sparkplug B', bytes.toString('hex', 0, 100));
      return undefined;
    }
    // Hosts announce themselves, and command; neither is data.
    if (!/^[ND](BIRTH|DATA|DEATH)$/.test(type)) return undefined;
    let payload: Payload;
    try {
      payload = readPayload(bytes);
    } catch (error) {
      const detail = `no Sparkplug B payload: ${error instanceof Error ? error.message : 'damaged'}`;
      batch.dead('malformed', topic, detail, bytes.toString('hex', 0, 100));
      return undefined;
    }
    const id = `${group}/${edge}`;
    const name = nameOf(type.startsWith('N') ? edge : `${edge}.${device ?? ''}`);
    if (type === 'NBIRTH') this.#born(id, payload);
    const node = this.#nodes.get(id);
    if (node === undefined) return type.endsWith('DEATH') ? undefined : this.#ask(group, edge, batch.arrival);
    if (type.endsWith('DEATH')) {
      this.#died(node, type, name, payload, batch);
      return undefined;
    }
    if (type === 'DBIRTH') remember(node, payload.metrics);
    const unknown = payload.metrics.filter((metric) => !this.#take(metric, node, name, payload.timestamp, batch));
    return unknown.length > 0 ? this.#ask(group, edge, batch.arrival) : undefined;
  }

  #born(id: string, { metrics }: Payload): void {
    if (this.#nodes.size >= mostNodes && !this.#nodes.has(id)) return;
    const bdSeq = metrics.find(({ name }) => name === 'bdSeq')?.value;
    const node: Node = {
      bdSeq: typeof bdSeq === 'number' ? bdSeq : undefined,
      aliases: new Map(),
      types: new Map(),
      last: this.#nodes.get(id)?.last ?? new Map<string, Map<string, number | boolean>>(),
    };
    remember(node, metrics);
    this.#nodes.set(id, node);
  }

  #died(node: Node, type: string, name: string, { metrics }: Payload, batch: ReadingBatch): void {
    // The death of an earlier life, delivered late.
    const bdSeq = metrics.find((metric) => metric.name === 'bdSeq')?.value;
    if (type === 'NDEATH' && node.bdSeq !== undefined && bdSeq !== node.bdSeq) return;
    for (const [device, values] of node.last) {
      if (type === 'DDEATH' && device !== name) continue;
      for (const [channel, value] of values)
        batch.value(device, channel, batch.arrival, value, `${type} of ${name}`, 'uncertain');
    }
  }

  /** @returns whether it is known which metric this is */
  #take(metric: Metric, node: Node, device: string, sentAt: number | undefined, batch: ReadingBatch): boolean {
    const born = metric.alias === undefined ? undefined : node.aliases.get(metric.alias);
    const name = metric.name ?? born?.name;
    if (name === undefined) return false;
    const channel = channelOf(name);
    if (metric.isNull || !batch.takes(channel)) return true;
    const value = valueOf(metric, born?.datatype ?? node.types.get(name));
    const quality = qualityOf(metric.quality);
    batch.value(device, channel, metric.timestamp ?? sentAt ?? batch.arrival, value, name, quality);
    if (typeof value !== 'number' && typeof value !== 'boolean') return true;
    const values = node.last.get(device) ?? new Map<string, number | boolean>();
    node.last.set(device, values.set(channel, value));
    return true;
  }

  #ask(group: string, edge: string, now: number): Asked | undefined {
    const topic = `${namespace}/${group}/NCMD/${edge}`;
    const before = this.#askedAt.get(topic);
    if (before !== undefined && now - before < askAgainMs && now >= before) return undefined;
    if (this.#askedAt.size >= mostNodes) this.#askedAt.clear();
    this.#askedAt.set(topic, now);
    return { topic };
  }
}

function remember(node: Node, metrics: readonly Metric[]): void {
  for (const { name, alias, datatype } of metrics) {
    if (name === undefined || node.types.size >= mostMetrics) continue;
    if (datatype !== undefined) node.types.set(name, datatype);
    if (alias !== undefined) node.aliases.set(alias, { name, datatype });
  }
}

function qualityOf(code: number | undefined): Quality {
  if (code === undefined || code === goodQuality) return 'good';
  return code === staleQuality ? 'uncertain' : 'bad';
}

function channelOf(name: string): string {
  return name.replaceAll(/\s+/g, '_');
}

function nameOf(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 64);
}
