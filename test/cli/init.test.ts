import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InitAnswers } from '../../src/cli/init-template.js';
import { configTemplate, DEFAULT_ANSWERS, dialplanLines } from '../../src/cli/init-template.js';
import { main } from '../../src/cli/linecard.js';
import { configNotices, readConfigText } from '../../src/config/index.js';
import { TestTerminal } from '../support/terminal.js';

let cwd: string;
let terminal: TestTerminal;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'linecard-init-'));
  terminal = new TestTerminal({ cwd });
});

afterEach(() => rmSync(cwd, { recursive: true }));

describe('linecard init', () => {
  it('asks nothing where nobody sits, and writes a file that only its owner reads', async () => {
    expect(await main(['init'], terminal)).toBe(0);
    const file = join(cwd, 'linecard.yaml');
    expect(readFileSync(file, 'utf8')).toBe(configTemplate(DEFAULT_ANSWERS));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(terminal.text).toContain('exten => 7000,1,Stasis(linecard)');
    expect(terminal.text).toContain('export ARI_PASSWORD');
  });

  it('leaves a file alone that is there, unless it is told otherwise', async () => {
    const file = join(cwd, 'mine.yaml');
    writeFileSync(file, 'mine', { mode: 0o644 });
    expect(await main(['init', '--file', 'mine.yaml'], terminal)).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(terminal.errorText).toContain('--force');
    expect(await main(['init', '--file', 'mine.yaml', '--force'], terminal)).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('says when it cannot write', async () => {
    expect(await main(['init', '--file', 'no/such/place.yaml'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('cannot be written');
  });
});

describe('the file it writes', () => {
  const answers: InitAnswers = { ...DEFAULT_ANSWERS, greeting: 'Say "hello": it\'s $5 # or {more}', extension: '*70' };

  it.each(['ari', 'dialplan', 'freeswitch'] as const)('is a configuration without a mistake: %s', (door) => {
    const reading = readConfigText(configTemplate({ ...answers, door }), {
      env: { ARI_PASSWORD: 'x', ESL_PASSWORD: 'x' },
      cwd: '/',
    });
    if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
    expect(configNotices(reading.config)).toEqual([]);
    expect(reading.config.agents['receptionist']?.greeting).toBe(answers.greeting);
    expect(reading.config.extensions['*70']).toEqual({ agent: 'receptionist', fallback: '6001' });
    expect(reading.config.pbx).toHaveLength(door === 'dialplan' ? 0 : 1);
    expect(reading.config.audiosocket.direct).toBe(door === 'dialplan' ? 'receptionist' : undefined);
    expect(reading.config.destinations['reception']?.mode).toBe(door === 'dialplan' ? 'blind' : 'warm');
  });

  it('holds no secret: the password comes from the environment', () => {
    const reading = readConfigText(configTemplate(DEFAULT_ANSWERS), { env: {}, cwd: '/' });
    expect(reading).toMatchObject({
      ok: false,
      mistakes: [{ message: 'the environment variable ARI_PASSWORD is not set' }],
    });
  });

  it('goes with the dialplan that the repository has', () => {
    const plain = (text: string): string[] =>
      text
        .split('\n')
        .map((line) => line.replace(/^ *(exten => \w+,\d+,|same => n,)/, '').replace(/ *;.*$/, ''))
        .filter((line) => line !== '');
    const settings: Record<string, string> = {
      '${LINECARD_APP},${EXTEN}': 'linecard',
      '${LINECARD_FALLBACK}': '${CONTEXT},6001,1',
      '${LINECARD_ADDRESS}': '127.0.0.1:9092',
    };
    let file = readFileSync(join(import.meta.dirname, '../../dialplan/asterisk/linecard.conf'), 'utf8');
    for (const [name, value] of Object.entries(settings)) file = file.replaceAll(name, value);
    const steps = plain(file);
    for (const door of ['ari', 'dialplan'] as const) {
      expect(plain(dialplanLines({ ...DEFAULT_ANSWERS, door })).filter((line) => !steps.includes(line))).toEqual([]);
    }
  });

  it('sets what the file for FreeSWITCH asks for', () => {
    const file = readFileSync(join(import.meta.dirname, '../../dialplan/freeswitch/linecard.xml'), 'utf8');
    const settings = dialplanLines({ ...DEFAULT_ANSWERS, door: 'freeswitch', fallback: '1001' }).split('\n');
    expect(settings).toHaveLength(3);
    for (const line of settings) expect(file).toContain(line);
    expect(dialplanLines({ ...answers, door: 'freeswitch' })).toContain('linecard_number=\\*70');
  });
});
