import type { ConfigPath } from './mistakes.js';
import { didYouMean } from './nearest.js';

type Mistake = { readonly path: ConfigPath; readonly message: string };
type Block = Readonly<Record<string, unknown>>;

/** The schedule that `hours:` makes: every extension's that names no other. */
export const DEFAULT_SCHEDULE = 'hours';

/** What extensions say of schedules, and the codes that change them. Works on what the file says, as the other cross-checks do. */
export function scheduleMistakes(root: Block): Mistake[] {
  const schedules = block(root['schedules']);
  const names = [...('hours' in root ? [DEFAULT_SCHEDULE] : []), ...Object.keys(schedules)];
  return [
    ...(DEFAULT_SCHEDULE in schedules
      ? [{ path: ['schedules', DEFAULT_SCHEDULE], message: 'this name is taken: it means the block hours:' }]
      : []),
    ...Object.entries(block(root['extensions'])).flatMap(([key, value]) =>
      extensionMistakes({ key, extension: block(value), names, root }),
    ),
    ...codeMistakes(root),
    ...shadowedExceptions(root),
  ];
}

function extensionMistakes({
  key,
  extension,
  names,
  root,
}: {
  readonly key: string;
  readonly extension: Block;
  readonly names: readonly string[];
  readonly root: Block;
}): Mistake[] {
  const { schedule, closed } = extension;
  const path = ['extensions', key];
  const mistakes: Mistake[] = [];
  if (typeof schedule === 'string' && !names.includes(schedule)) {
    const known = names.length === 0 ? 'there is none under schedules:' : `schedules are ${names.join(', ')}`;
    const message = `there is no schedule "${schedule}"${didYouMean(schedule, names)}; ${known}`;
    mistakes.push({ path: [...path, 'schedule'], message });
  }
  if (closed === undefined) return mistakes;
  if (schedule === undefined && !names.includes(DEFAULT_SCHEDULE)) {
    mistakes.push({ path: [...path, 'closed'], message: 'needs opening hours: a block hours:, or "schedule" here' });
  }
  const destinations = Object.keys(block(root['destinations']));
  const { destinations: allowed } = block(closed);
  for (const [index, name] of (Array.isArray(allowed) ? allowed : []).entries()) {
    if (typeof name !== 'string' || destinations.includes(name)) continue;
    const message = `there is no destination "${name}"${didYouMean(name, destinations)}`;
    mistakes.push({ path: [...path, 'closed', 'destinations', index], message });
  }
  return mistakes;
}

/** A number that is dialled, or keys that are pressed, mean one thing. */
function codeMistakes(root: Block): Mistake[] {
  const extensions = Object.keys(block(root['extensions']));
  const codes = timetables(root).flatMap(({ path, value }) => {
    const { dial, press } = block(value['override']);
    return [
      ...(typeof dial === 'string' ? [{ path: [...path, 'override', 'dial'], kind: 'dial', code: dial }] : []),
      ...(typeof press === 'string' ? [{ path: [...path, 'override', 'press'], kind: 'press', code: press }] : []),
    ];
  });
  return codes.flatMap(({ path, kind, code }, index): Mistake[] => {
    if (kind === 'dial' && extensions.includes(code)) {
      return [{ path, message: `"${code}" is an extension under extensions: already` }];
    }
    const earlier = codes.slice(0, index).find((other) => other.kind === kind && clash(kind, other.code, code));
    if (earlier === undefined) return [];
    const other = earlier.path.join('.');
    return [{ path, message: kind === 'dial' ? `is that of ${other} already` : `begins as that of ${other} does` }];
  });
}

/** Of two codes that are pressed, the one must not end the other. */
function clash(kind: string, a: string, b: string): boolean {
  return kind === 'dial' ? a === b : a.startsWith(b) || b.startsWith(a);
}

/** The first exception that fits a day counts: the same days again would never be looked at. */
function shadowedExceptions(root: Block): Mistake[] {
  return timetables(root).flatMap(({ path, value }) => {
    const exceptions = Array.isArray(value['exceptions']) ? value['exceptions'].map(block) : [];
    return exceptions.flatMap(({ date, through }, index) => {
      const first = exceptions.findIndex((other) => other['date'] === date && other['through'] === through);
      if (typeof date !== 'string' || first === index) return [];
      return [
        { path: [...path, 'exceptions', index, 'date'], message: `"${date}" is in exceptions[${first}] already` },
      ];
    });
  });
}

function timetables(root: Block): { readonly path: readonly string[]; readonly value: Block }[] {
  const named = Object.entries(block(root['schedules']));
  return [
    { path: ['hours'], value: block(root['hours']) },
    ...named.map(([name, value]) => ({ path: ['schedules', name], value: block(value) })),
  ];
}

function block(value: unknown): Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Block) : {};
}
