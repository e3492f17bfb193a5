// What can go wrong in a run, and how everything gets well again.

import { fault as diskFault } from '@weir/edge-agent/testing/memory-disk.ts';
import type { Fault, GatewayFault, HubFault } from './plan.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';
import type { SimulatedHub } from './simulated-hub.ts';
import { usualLinkMs } from './simulated-link.ts';
import { usualStoreMs, type SimulatedStore } from './simulated-store.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface FaultParts {
  readonly time: VirtualTime;
  readonly hub: SimulatedHub;
  readonly store: SimulatedStore;
  readonly gateways: readonly SimulatedGateway[];
  readonly say: (text: string) => void;
  /** The hub's process is gone. */
  readonly hubDied: () => void;
  /** Nobody waits for it. */
  readonly detach: (work: Promise<unknown>) => void;
}

export class Faults {
  readonly #parts: FaultParts;
  /** No more faults, and what is down comes back. */
  #healed = false;

  constructor(parts: FaultParts) {
    this.#parts = parts;
  }

  strike({ gateway: which, fault }: Fault): void {
    if (this.#healed) return;
    this.#parts.say(`${which === undefined ? 'hub' : `gateway-${which}`}: fault ${JSON.stringify(fault)}`);
    const gateway = which === undefined ? undefined : this.#parts.gateways[which];
    if (which === undefined) this.#strikeHub(fault);
    else if (gateway !== undefined) this.#strikeGateway(gateway, fault);
  }

  heal(): void {
    const { hub, store, gateways, say } = this.#parts;
    this.#healed = true;
    say('everything is healed');
    hub.spare();
    hub.diskFull = false;
    store.outage = false;
    store.latencyMs = usualStoreMs;
    store.refuses = () => false;
    for (const { link, clock, disk } of gateways) {
      link.hubIsOn = true;
      link.latencyMs = usualLinkMs;
      link.unblock();
      clock.heal();
      disk.defuse();
      disk.heal();
    }
  }

  #strikeGateway(gateway: SimulatedGateway, fault: GatewayFault): void {
    const { disk, link, clock } = gateway;
    const { detach } = this.#parts;
    const startAfter = (ms: number): void => this.#later(ms, () => detach(gateway.start()));
    switch (fault.kind) {
      case 'kill':
      case 'power cut': {
        const kill = (): void => {
          gateway.kill(fault.kind === 'power cut');
          startAfter(fault.downMs);
        };
        if (fault.calls === undefined) kill();
        else disk.whenCalled(fault.calls, kill);
        return;
      }
      case 'restart':
        return detach(gateway.stop().then(() => startAfter(fault.downMs)));
      case 'clock moved':
        return clock.move(fault.byMs, fault.forMs);
      case 'cut':
        return link.cut();
      case 'block':
        for (const direction of fault.directions) link.block(direction, fault.forMs);
        return;
      case 'slow link':
        link.latencyMs = fault.latencyMs;
        return this.#later(fault.forMs, () => (link.latencyMs = usualLinkMs));
      case 'stall':
        return disk.stall(fault.forMs);
      case 'slow disk':
        disk.slow(fault.latencyMs);
        return this.#later(fault.forMs, () => disk.heal());
      case 'disk fails':
        disk.fail(fault.trouble);
        return this.#later(fault.forMs, () => disk.heal());
      case 'disk full':
        disk.fill(fault.bytes);
        return this.#later(fault.forMs, () => disk.heal());
      case 'call fails':
        return disk.failAt(fault.calls, { error: diskFault(fault.trouble, 'simulated'), effect: fault.effect });
    }
  }

  #strikeHub(fault: HubFault): void {
    const { hub, store, detach } = this.#parts;
    switch (fault.kind) {
      case 'kill':
        if (!hub.isRunning) return;
        if (fault.moment !== undefined) return hub.killAt(fault.moment, () => this.#hubDied(fault.downMs, false));
        hub.kill();
        return this.#hubDied(fault.downMs, false);
      case 'hub power cut':
        if (!hub.isRunning) return;
        hub.kill();
        return this.#hubDied(fault.downMs, true);
      case 'restart':
        if (hub.isRunning) detach(hub.stop().then(() => this.#later(fault.downMs, () => detach(hub.start()))));
        return;
      case 'store out':
        store.outage = true;
        return this.#later(fault.forMs, () => (store.outage = false));
      case 'slow store':
        store.latencyMs = fault.latencyMs;
        return this.#later(fault.forMs, () => (store.latencyMs = usualStoreMs));
      case 'hub disk full':
        hub.diskFull = true;
        return this.#later(fault.forMs, () => (hub.diskFull = false));
      case 'store refuses':
        store.refuses = ({ pane }) => (pane.start / 1000) % 7 < 3;
        return this.#later(fault.forMs, () => (store.refuses = () => false));
    }
  }

  /** @param power with its machine: nobody answers before it is on again */
  #hubDied(downMs: number, power: boolean): void {
    const { hub, gateways, hubDied, detach } = this.#parts;
    hubDied();
    for (const { link } of gateways) {
      link.hubDied(power);
      if (power) link.hubIsOn = false;
    }
    this.#later(downMs, () => {
      for (const { link } of gateways) link.hubIsOn = true;
      detach(hub.start());
    });
  }

  #later(ms: number, act: () => void): void {
    this.#parts.time.after(ms, act);
  }
}
