// The readings taken in last, to know one when it comes again: a broker repeats what it has seen no ack for, also when the
// reading was committed and only the ack got lost. Two generations of a bounded set, so that forgetting costs nothing.

const generationSize = 40_000;

export class RecentReadings {
  #young = new Set<string>();
  #old = new Set<string>();

  add(device: string, signal: string, time: number, value: number): void {
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(keyOf(device, signal, time, value));
  }

  has(device: string, signal: string, time: number, value: number): boolean {
    const key = keyOf(device, signal, time, value);
    return this.#young.has(key) || this.#old.has(key);
  }
}

function keyOf(device: string, signal: string, time: number, value: number): string {
  return `${device}/${signal}/${time}/${value}`;
}
