import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/linecard.js';
import { callRecord, digitOf, endOf, startOf } from '../support/calls.js';
import { TestApi, TOKEN } from '../support/http.js';
import { TestTerminal } from '../support/terminal.js';

const LIVE = callRecord({
  id: '5f0c1111-0000-4000-8000-000000000000',
  caller: { number: '6001', name: 'Alice\u001b[2J' },
  turns: [{ who: 'agent', text: 'Hello there.', atMs: 1000, heardMs: 500, interrupted: false }],
});
const OTHER = callRecord({ id: '5f0c2222-0000-4000-8000-000000000000' });

let api: TestApi;
let cwd: string;
let terminal: TestTerminal;

beforeEach(async () => {
  api = await new TestApi().start();
  api.live.push(LIVE);
  cwd = mkdtempSync(join(tmpdir(), 'linecard-call-'));
  writeFileSync(join(cwd, 'linecard.yaml'), `http: { port: ${api.port}, token: ${TOKEN} }`);
  terminal = new TestTerminal({ cwd });
});

afterEach(async () => {
  await api.stopNow();
  rmSync(cwd, { recursive: true });
});

describe('linecard call', () => {
  it('lists calls of the running Linecard, without the tricks of their callers', async () => {
    expect(await main(['call', 'list'], terminal)).toBe(0);
    expect(terminal.lines[0]).toMatch(/^ID +STARTED +CALLER +EXTENSION +AGENT +STATE/);
    expect(terminal.lines[1]).toContain('5f0c1111');
    expect(terminal.lines[1]).toContain('Alice [2J 6001');
    expect(terminal.text).not.toContain('\u001b');
  });

  it('shows one by the beginning of its id', async () => {
    expect(await main(['call', 'show', '5f0c'], terminal)).toBe(0);
    expect(terminal.text).toMatch(/^id +5f0c1111-0000/);
    expect(terminal.text).toContain('first audio  after 260 ms');
    expect(terminal.lines.at(-1)).toContain('agent  Hello there.');
  });

  it('prints JSON for programs', async () => {
    expect(await main(['call', 'show', '5f0c', '--json'], terminal)).toBe(0);
    expect(JSON.parse(terminal.text)).toMatchObject({ id: LIVE.id, agent: 'receptionist' });
  });

  it('asks for more of an id that is the beginning of two', async () => {
    api.live.push(OTHER);
    expect(await main(['call', 'hangup', '5f0c'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('is the beginning of 2 ids');
    expect(api.done).toEqual([]);
  });

  it('transfers with an announcement, and to a conference', async () => {
    expect(await main(['call', 'transfer', '5f0c', 'sales', '--warm', '--summary', 'a quote'], terminal)).toBe(0);
    expect(terminal.errorText).toBe('sales is being rung, the caller hears music');
    expect(await main(['call', 'transfer', '5f0c', 'sales', '--conference'], terminal)).toBe(0);
    expect(api.done).toEqual([
      `transfer ${LIVE.id} to sales: warm a quote`,
      `transfer ${LIVE.id} to sales: conference `,
    ]);
    expect(await main(['call', 'transfer', '5f0c', 'sales', '--blind', '--summary', 'a quote'], terminal)).toBe(1);
    expect(await main(['call', 'transfer', '5f0c', 'sales', '--warm', '--conference'], terminal)).toBe(1);
  });

  it('transfers as the destination has it, and blind where that is asked for', async () => {
    expect(await main(['call', 'transfer', '5f0c', 'sales'], terminal)).toBe(0);
    expect(await main(['call', 'transfer', '5f0c', 'sales', '--blind'], terminal)).toBe(0);
    expect(api.done).toEqual([`transfer ${LIVE.id} to sales: default `, `transfer ${LIVE.id} to sales: blind `]);
  });

  it('lets a phone into a call, and tells the agent something', async () => {
    expect(await main(['call', 'supervise', '5f0c', '6002'], terminal)).toBe(0);
    expect(terminal.errorText).toContain('6002 is being rung');
    expect(await main(['call', 'supervise', '5f0c', '--text', 'Offer a refund.'], terminal)).toBe(0);
    expect(api.done).toEqual([
      `supervise ${LIVE.id} from 6002: listen `,
      `supervise ${LIVE.id} from null: whisper Offer a refund.`,
    ]);
    expect(await main(['call', 'supervise', '5f0c'], terminal)).toBe(1);
    expect(await main(['call', 'supervise', '5f0c', '6002', '--mode', 'join', '--text', 'x'], terminal)).toBe(1);
    expect(await main(['call', 'supervise', '5f0c', '6002', '--mode', 'shout'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('Allowed choices are listen, whisper, join, takeover');
  });

  it('holds, brings back, speaks, presses keys and hangs up', async () => {
    for (const args of [['hold'], ['resume'], ['say'], ['digits'], ['hangup']]) {
      const [name = ''] = args;
      const rest = { say: ['One moment.'], digits: ['12#'] }[name] ?? [];
      expect(await main(['call', name, '5f0c', ...rest], terminal)).toBe(0);
    }
    expect(api.done).toEqual([
      `hold ${LIVE.id}`,
      `resume ${LIVE.id}`,
      `say ${LIVE.id} One moment.`,
      `digits ${LIVE.id} 12#`,
      `hang up ${LIVE.id}`,
    ]);
  });

  it('watches a call until it ends', async () => {
    api.history.observe(startOf(LIVE));
    api.history.observe(digitOf(LIVE, '5'));
    api.history.observe({
      kind: 'turnHeard',
      callId: LIVE.id,
      atMs: 2000,
      turn: { ...LIVE.turns[0]!, interrupted: true },
    });
    api.history.observe(endOf(LIVE));
    expect(await main(['call', 'watch', '5f0c'], terminal)).toBe(0);
    expect(terminal.lines.map((line) => line.slice(10))).toEqual([
      'callStarted  Alice [2J 6001',
      'digitPressed  digit 5',
      'turnHeard  agent: Hello there. (interrupted)',
      'callEnded  completed: the caller hung up',
    ]);
  });

  it('says that a stream was cut', async () => {
    api.history.observe(startOf(LIVE));
    const watching = main(['call', 'watch', '5f0c'], terminal);
    await expect.poll(() => terminal.lines.length).toBe(1);
    await api.stopNow();
    expect(await watching).toBe(1);
    expect(terminal.errorText).toContain('ended the stream before the call ended');
  });

  it('tells what the API refuses, and a token that is wrong', async () => {
    expect(await main(['call', 'show', 'ffff'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('no live call and no call of late has this id');
    expect(await main(['call', 'list', '--token', 'wrong'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('this token is not the right one');
  });

  it('says where it looked when no Linecard runs', async () => {
    await api.stopNow();
    expect(await main(['call', 'list'], terminal)).toBe(1);
    expect(terminal.errorText).toMatch(
      /no Linecard answers at http:\/\/127\.0\.0\.1:\d+: is it running\? \(.*ECONNREFUSED/,
    );
  });

  it('takes the token that Linecard keeps, and says when there is none', async () => {
    writeFileSync(join(cwd, 'linecard.yaml'), `http: { port: ${api.port} }\ndataDir: .`);
    expect(await main(['call', 'list'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('has not run with this data directory yet');
    writeFileSync(join(cwd, 'token'), `${TOKEN}\n`);
    expect(await main(['call', 'list'], terminal)).toBe(0);
  });
});
