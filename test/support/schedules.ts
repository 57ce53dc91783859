import type { ScheduleDesk, ScheduleState } from '../../src/call/port.js';

/** No opening hours at all: every agent is always there. */
export function noSchedules(): ScheduleDesk {
  return new FakeSchedules([]);
}

/** Schedules that are as a test sets them. */
export class FakeSchedules implements ScheduleDesk {
  readonly keyCodes = new Map<string, string>();
  readonly dials = new Map<string, string>();
  readonly states: Map<string, ScheduleState['state']>;
  readonly #set = new Set<string>();

  constructor(names: readonly string[]) {
    this.states = new Map(names.map((name) => [name, 'open']));
  }

  dialledBy(extension: string): string | null {
    return this.dials.get(extension) ?? null;
  }

  list(): readonly ScheduleState[] {
    return [...this.states.keys()].map((name) => this.get(name));
  }

  get(name: string): ScheduleState {
    const state = this.states.get(name) ?? 'open';
    const cause = this.#set.has(name) ? 'override' : 'timetable';
    return { name, timezone: 'UTC', state, cause, label: null, changesAtMs: null };
  }

  answer(name: string | null): { open: boolean; text: string } {
    const state = name === null ? 'open' : this.get(name).state;
    return { open: state === 'open', text: `The hours of ${name ?? 'nobody'}. We are ${state} now.` };
  }

  override(name: string, state: 'open' | 'closed'): Promise<ScheduleState> {
    this.states.set(name, state);
    this.#set.add(name);
    return Promise.resolve(this.get(name));
  }

  followTimetable(name: string): Promise<ScheduleState> {
    this.#set.delete(name);
    return Promise.resolve(this.get(name));
  }

  toggle(name: string): Promise<ScheduleState> {
    if (this.#set.has(name)) return this.followTimetable(name);
    return this.override(name, this.get(name).state === 'open' ? 'closed' : 'open');
  }
}
