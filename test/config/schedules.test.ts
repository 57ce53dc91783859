import { describe, expect, it } from 'vitest';
import { readConfigText } from '../../src/config/index.js';

const WEEK = 'timezone: Europe/Berlin, open: [{ days: [mon], from: "09:00", to: "17:00" }]';
const AGENTS = 'agents: { day: { provider: embedded }, night: { provider: embedded } }\n';

function mistakes(text: string): string[] {
  const reading = readConfigText(text, { env: {}, cwd: '/home/linecard' });
  return reading.ok ? [] : reading.mistakes.map(({ path, message }) => `${path}: ${message}`);
}

describe('schedules of a configuration', () => {
  it('are read with exceptions, codes and what is different after hours', () => {
    const text = `${AGENTS}
hours: { ${WEEK}, exceptions: [{ date: "12-24", through: "01-01", label: the holidays }], override: { dial: "*28", press: "*284711", hours: 12 } }
schedules: { support: { ${WEEK} } }
extensions:
  "7000": { agent: day, closed: { agent: night, fallback: "6009", destinations: [emergency] } }
  "7001": { agent: day, schedule: support, closed: { agent: night } }
destinations: { emergency: { dial: "6003" } }`;
    const reading = readConfigText(text, { env: {}, cwd: '/home/linecard' });
    expect(mistakes(text)).toEqual([]);
    if (!reading.ok) throw new Error('it is read');
    expect(reading.config.hours?.exceptions).toEqual([
      { date: '12-24', through: '01-01', open: [], label: 'the holidays' },
    ]);
    expect(reading.config.hours?.override).toEqual({ dial: '*28', press: '*284711', hours: 12 });
    expect(reading.config.schedules['support']?.override).toEqual({});
    expect(reading.config.extensions['7000']?.closed).toEqual({
      agent: 'night',
      fallback: '6009',
      destinations: ['emergency'],
    });
  });

  it.each([
    [
      `hours: { ${WEEK}, exceptions: [{ date: "2026-02-30" }] }`,
      'hours.exceptions[0].date: "2026-02-30" must be a date such as "2026-12-24", or "12-24" for each year',
    ],
    [
      `hours: { ${WEEK}, exceptions: [{ date: "2026-12-24", through: "01-01" }] }`,
      'hours.exceptions[0].through: must be written as "date" is: both with a year, or both without',
    ],
    [
      `hours: { ${WEEK}, exceptions: [{ date: "2026-12-24", through: "2026-12-20" }] }`,
      'hours.exceptions[0].through: must not be before "date"',
    ],
    [
      `hours: { ${WEEK}, exceptions: [{ date: "12-25" }, { date: "12-25", open: [{ from: "09:00", to: "10:00" }] }] }`,
      'hours.exceptions[1].date: "12-25" is in exceptions[0] already',
    ],
    [`schedules: { hours: { ${WEEK} } }`, 'schedules.hours: this name is taken: it means the block hours:'],
    [
      `${AGENTS}schedules: { support: { ${WEEK} } }\nextensions: { "7000": { agent: day, schedule: suport } }`,
      'extensions.7000.schedule: there is no schedule "suport" (did you mean "support"?); schedules are support',
    ],
    [
      `${AGENTS}extensions: { "7000": { agent: day, closed: { agent: night } } }`,
      'extensions.7000.closed: needs opening hours: a block hours:, or "schedule" here',
    ],
    [
      `${AGENTS}hours: { ${WEEK} }\nextensions: { "7000": { agent: day, closed: { agent: nigth } } }`,
      'extensions.7000.closed.agent: there is no agent "nigth" (did you mean "night"?); agents are day, night',
    ],
    [
      `${AGENTS}hours: { ${WEEK} }\nextensions: { "7000": { agent: day, closed: { destinations: [sale] } } }\ndestinations: { sales: { dial: "1" } }`,
      'extensions.7000.closed.destinations[0]: there is no destination "sale" (did you mean "sales"?)',
    ],
    [
      `${AGENTS}hours: { ${WEEK} }\nextensions: { "7000": { agent: day, closed: { fallback: "7000" } } }`,
      "extensions.7000.closed.fallback: fallbacks go in a circle: 7000 -> 7000; a fallback must be somebody else's extension",
    ],
    [
      `${AGENTS}hours: { ${WEEK} }\nextensions: { "7000": { agent: day, closed: { fallback: "0044123456789" } } }`,
      'extensions.7000.closed.fallback: "0044123456789" looks like an international number; if callers may be sent there, add its prefix to transfers.allow',
    ],
    [
      `${AGENTS}hours: { ${WEEK}, override: { dial: "7000" } }\nextensions: { "7000": { agent: day } }`,
      'hours.override.dial: "7000" is an extension under extensions: already',
    ],
    [
      `hours: { ${WEEK}, override: { dial: "*28" } }\nschedules: { support: { ${WEEK}, override: { dial: "*28" } } }`,
      'schedules.support.override.dial: is that of hours.override.dial already',
    ],
    [
      `hours: { ${WEEK}, override: { press: "*28471" } }\nschedules: { support: { ${WEEK}, override: { press: "*284711" } } }`,
      'schedules.support.override.press: begins as that of hours.override.press does',
    ],
    [
      `hours: { ${WEEK}, override: { press: "*28" } }`,
      'hours.override.press: the value must be a key code such as "*284711": * and then 5 to 31 of 0-9 * #',
    ],
  ])('says of %s', (text, expected) => {
    expect(mistakes(text)).toEqual([expected]);
  });
});
