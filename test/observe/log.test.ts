import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LinecardError } from '../../src/core/errors.js';
import type { LogOptions } from '../../src/observe/log.js';
import { createLog, logOptions } from '../../src/observe/log.js';
import { FakeClock } from '../support/fake-clock.js';

describe('a log line', () => {
  it('is one JSON object with level, date, message and the fields of its logger and its own', () => {
    const { log, lines } = capture();
    log.child({ callId: 'c1' }).info({ codec: 'slin16' }, 'call answered');
    expect(lines()).toEqual([
      {
        level: 'info',
        pid: process.pid,
        time: '2026-01-05T09:00:00.000Z',
        callId: 'c1',
        codec: 'slin16',
        msg: 'call answered',
      },
    ]);
  });

  it('hides numbers and words of people, also those a child logger was given', () => {
    const { log, lines } = capture();
    log.child({ pii: { caller: '0170' } }).info({}, 'call started');
    log.info({ pii: { text: 'my password is swordfish' } }, 'turn heard');
    expect(lines().map((line) => line['pii'])).toEqual(['[redacted]', '[redacted]']);
  });

  it('shows them when the operator asks', () => {
    const { log, lines } = capture({ pii: 'shown' });
    log.info({ pii: { digit: '5' } }, 'digit pressed');
    expect(lines()[0]?.['pii']).toEqual({ digit: '5' });
  });

  it('tells of an error its code, who has to act, and its causes', () => {
    const { log, lines } = capture();
    const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    log.error({ err: new LinecardError('PBX_UNREACHABLE', 'PBX is away', { cause }) }, 'PBX lost');
    expect(lines()[0]?.['err']).toMatchObject({
      code: 'PBX_UNREACHABLE',
      fault: 'pbx',
      retryable: true,
      message: 'PBX is away',
      cause: { code: 'ECONNREFUSED', message: 'connect refused' },
    });
  });

  it('survives an error that is its own cause', () => {
    const { log, lines } = capture();
    const error = new Error('round');
    error.cause = error;
    log.error({ err: error }, 'odd');
    expect(lines()).toHaveLength(1);
  });

  it('is for people at a terminal', () => {
    const written: string[] = [];
    const { log } = createLog({ ...OPTIONS, format: 'pretty', write: (line) => written.push(line) });
    log.warn({ port: 9092 }, 'peer refused');
    expect(written.join('')).toMatch(/WARN.*peer refused.*9092/s);
  });
});

describe('the environment', () => {
  it('says level and privacy', () => {
    expect(logOptions({}, false)).toMatchObject({ level: 'info', pii: 'redacted', format: 'json' });
    expect(logOptions({ LINECARD_LOG_LEVEL: 'debug', LINECARD_LOG_PII: '1' }, true)).toMatchObject({
      level: 'debug',
      pii: 'shown',
      format: 'pretty',
    });
    expect(() => logOptions({ LINECARD_LOG_LEVEL: 'loud' }, false)).toThrow(/must be one of debug, info, warn, error/);
  });
});

describe('stdout', () => {
  // The lines go to a pipe whose reader closes at once, as `npm start | head -1` does.
  it('that nobody reads any more costs lines and nothing else', async () => {
    const program = `
      import { createLog, logOptions } from ${JSON.stringify(join(import.meta.dirname, '../../src/observe/log.ts'))};
      const { log, droppedLines } = createLog({ ...logOptions({}, false), format: 'json' });
      const padding = 'x'.repeat(1000);
      let written = 0;
      const write = () => {
        for (let i = 0; i < 1000; i++) log.info({ padding }, 'line');
        written += 1000;
        if (written < 20000) setImmediate(write);
        else process.stderr.write(droppedLines() > 0 ? 'alive, lines dropped' : 'alive');
      };
      write();`;
    const script = `"$0" --import tsx --input-type=module -e "$1" | head -c 100 > /dev/null`;
    const stderr = await new Promise<string>((resolve) => {
      execFile('sh', ['-c', script, process.execPath, program], { timeout: 30_000 }, (_error, _stdout, text) =>
        resolve(text),
      );
    });
    expect(stderr).toBe('alive, lines dropped');
  }, 40_000);
});

const OPTIONS: LogOptions = { level: 'info', pii: 'redacted', format: 'json', clock: new FakeClock() };

function capture(changes: Partial<LogOptions> = {}) {
  const written: string[] = [];
  const { log } = createLog({ ...OPTIONS, ...changes, write: (line) => written.push(line) });
  return { log, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}
