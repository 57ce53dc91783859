import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HoursAnswer } from '../../agent/port.js';
import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { ScheduleDesk, ScheduleOverride, ScheduleState } from '../port.js';
import { hoursText, stateText } from './schedule-words.js';
import type { OpeningPlan } from './timetable.js';
import { Timetable } from './timetable.js';

/** A schedule, and the codes that turn it over. */
export type ScheduleConfig = {
  readonly plan: OpeningPlan;
  readonly dial: string | null;
  readonly press: string | null;
  /** How long a code holds; null: until it is used again. */
  readonly overrideMs: number | null;
};

export type SchedulesOptions = {
  readonly schedules: ReadonlyMap<string, ScheduleConfig>;
  /** Where overrides are kept over a restart; its directory is made when it is missing. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Every schedule of the configuration: what its timetable says, and what people have set by hand instead. */
export class Schedules implements ScheduleDesk {
  readonly keyCodes: ReadonlyMap<string, string>;
  readonly #options: SchedulesOptions;
  readonly #timetables: ReadonlyMap<string, Timetable>;
  readonly #overrides = new Map<string, ScheduleOverride>();
  /** One write after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: SchedulesOptions) {
    this.#options = options;
    this.keyCodes = new Map(
      [...options.schedules].flatMap(([name, { press }]) => (press === null ? [] : [[press, name] as const])),
    );
    this.#timetables = new Map([...options.schedules].map(([name, { plan }]) => [name, new Timetable(plan)]));
  }

  /** Reads what was set by hand before. A file that cannot be read is reported, and the timetables count. */
  async start(): Promise<void> {
    const { file, log } = this.#options;
    try {
      for (const [name, override] of Object.entries(parseOverrides(await readFile(file, 'utf8')))) {
        if (this.#timetables.has(name)) this.#overrides.set(name, override);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      log.error({ err: error, file }, 'what was set by hand cannot be read, opening hours are as in the timetables');
    }
  }

  dialledBy(extension: string): string | null {
    for (const [name, { dial }] of this.#options.schedules) if (dial === extension) return name;
    return null;
  }

  list(): readonly ScheduleState[] {
    return [...this.#timetables.keys()].map((name) => this.get(name));
  }

  get(name: string): ScheduleState {
    const { clock } = this.#options;
    const nowMs = clock.wallMs();
    const timetable = this.#timetable(name);
    const { state, now, changes } = timetable.at(nowMs);
    const changesAtMs = changes === null ? null : timetable.momentOf(changes, nowMs);
    const override = this.#overrideOf(name);
    const { timezone } = timetable.plan;
    if (override !== null) {
      return { name, timezone, state: override.state, cause: 'override', label: null, changesAtMs: override.untilMs };
    }
    const exception = timetable.exceptionOn(now.day);
    const cause = exception === null ? 'timetable' : 'exception';
    return { name, timezone, state, cause, label: exception?.label ?? null, changesAtMs };
  }

  answer(name: string | null): HoursAnswer {
    if (name === null) return { open: true, text: 'I am sorry, I do not know the opening hours.' };
    const timetable = this.#timetable(name);
    const planned = timetable.at(this.#options.clock.wallMs());
    const override = this.#overrideOf(name);
    const { state } = override ?? planned;
    // Somebody said so by hand: when it changes is not in the timetable.
    const now = override === null ? stateText(planned) : `We are ${state} now.`;
    return { open: state === 'open', text: `${hoursText(timetable, planned)} ${now}` };
  }

  async override(name: string, state: 'open' | 'closed', untilMs: number | null): Promise<ScheduleState> {
    const { clock } = this.#options;
    this.#timetable(name);
    if (untilMs !== null && untilMs <= clock.wallMs()) {
      throw new LinecardError('REQUEST_INVALID', '"until" must lie in the future');
    }
    await this.#set(name, { state, untilMs, setAtMs: clock.wallMs() });
    return this.get(name);
  }

  async followTimetable(name: string): Promise<ScheduleState> {
    this.#timetable(name);
    await this.#set(name, null);
    return this.get(name);
  }

  async toggle(name: string): Promise<ScheduleState> {
    if (this.#overrideOf(name) !== null) return this.followTimetable(name);
    const lastsMs = this.#options.schedules.get(name)?.overrideMs ?? null;
    const untilMs = lastsMs === null ? null : this.#options.clock.wallMs() + lastsMs;
    return this.override(name, this.get(name).state === 'open' ? 'closed' : 'open', untilMs);
  }

  /** What is not safely on disk is not set: nobody is to find the office open after a restart that they had closed. */
  async #set(name: string, override: ScheduleOverride | null): Promise<void> {
    const { file, log } = this.#options;
    const write = this.#writing.then(async () => {
      const all = new Map(this.#overrides);
      if (override === null) all.delete(name);
      else all.set(name, override);
      await writeSafely(file, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
      if (override === null) this.#overrides.delete(name);
      else this.#overrides.set(name, override);
      log.info({ schedule: name, state: override?.state ?? 'as in the timetable' }, 'schedule set by hand');
    });
    this.#writing = write.catch(() => undefined);
    try {
      await write;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new LinecardError('STORAGE_FAILED', `the schedule could not be set, ${file} cannot be written: ${why}`, {
        cause: error,
      });
    }
  }

  #overrideOf(name: string): ScheduleOverride | null {
    const override = this.#overrides.get(name);
    if (override === undefined) return null;
    return override.untilMs !== null && override.untilMs <= this.#options.clock.wallMs() ? null : override;
  }

  #timetable(name: string): Timetable {
    const timetable = this.#timetables.get(name);
    if (timetable !== undefined) return timetable;
    const known = [...this.#timetables.keys()].join(', ') || 'none';
    throw new LinecardError('SCHEDULE_UNKNOWN', `there is no schedule "${name}"; there are: ${known}`);
  }
}

function parseOverrides(text: string): Readonly<Record<string, ScheduleOverride>> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) throw new SyntaxError('it is no JSON object');
  return Object.fromEntries(
    Object.entries(parsed).flatMap(([name, value]: [string, unknown]) => (isOverride(value) ? [[name, value]] : [])),
  );
}

function isOverride(value: unknown): value is ScheduleOverride {
  if (typeof value !== 'object' || value === null) return false;
  const { state, untilMs, setAtMs } = value as Readonly<Record<string, unknown>>;
  const isState = state === 'open' || state === 'closed';
  return isState && (untilMs === null || typeof untilMs === 'number') && typeof setAtMs === 'number';
}

/** Under another name, synced and renamed: after a power cut there is the old file or the new one. */
async function writeSafely(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
