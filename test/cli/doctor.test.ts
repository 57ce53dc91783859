import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfig, checkDataDir, checkNode, checkPorts, checkRecognizer } from '../../src/cli/doctor-checks.js';
import { main } from '../../src/cli/linecard.js';
import type { Config } from '../../src/config/index.js';
import { readConfigObject } from '../../src/config/index.js';
import { findFreePort } from '../../src/demo/ports.js';
import { findRecognizer } from '../../src/speech/recognizer.js';
import { TestApi, TOKEN } from '../support/http.js';
import { TestTerminal } from '../support/terminal.js';

let cwd: string;
let terminal: TestTerminal;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'linecard-doctor-'));
  terminal = new TestTerminal({ cwd });
});

afterEach(() => rmSync(cwd, { recursive: true }));

describe('linecard doctor', () => {
  it('finds that calls can be served', async () => {
    const [http, audiosocket] = [await findFreePort(), await findFreePort()];
    write({
      http: { port: http },
      audiosocket: { port: audiosocket, direct: 'a' },
      agents: { a: { provider: 'echo' } },
    });
    expect(await main(['doctor'], terminal)).toBe(0);
    expect(terminal.text).toContain(`port ${http} on 127.0.0.1 is free for the web page and the API`);
    expect(terminal.lines.at(-1)).toBe('Calls can be served.');
  });

  it('prints every mistake of the configuration and ends with 78', async () => {
    write({ htpt: {}, media: { threads: 'x' } });
    expect(await main(['doctor'], terminal)).toBe(78);
    expect(terminal.text).toContain('did you mean "http"?');
    expect(terminal.text).toContain('media.threads');
  });

  it('asks the Linecard that runs', async () => {
    const api = await new TestApi().start();
    write({
      http: { port: api.port, token: TOKEN },
      audiosocket: { direct: 'a' },
      agents: { a: { provider: 'echo' } },
    });
    expect(await main(['doctor'], terminal)).toBe(0);
    expect(terminal.text).toContain(`ready for calls at ${api.url}`);
    expect(terminal.text).toContain('warning  no speech recognition: keys only');
    api.reasons.push('PBX "main": away');
    expect(await main(['doctor'], terminal)).toBe(1);
    expect(terminal.text).toContain('ERROR    running, but takes no calls: PBX "main": away');
    await api.stopNow();
  });

  it('names the port that another program holds, and what moves it', async () => {
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    write({ http: { port }, audiosocket: { port: await findFreePort() } });
    expect(await main(['doctor'], terminal)).toBe(1);
    expect(terminal.text).toMatch(new RegExp(`ERROR .*${port}.*LINECARD_HTTP_PORT`));
    other.close();
  });

  it('says of a PBX that is away what to look at', async () => {
    const port = await findFreePort();
    const ari = { url: `http://127.0.0.1:${port}`, username: 'u', password: 'p' };
    write({
      http: { port: await findFreePort() },
      audiosocket: { port: await findFreePort() },
      pbx: [{ kind: 'asterisk', name: 'main', ari }],
    });
    expect(await main(['doctor'], terminal)).toBe(1);
    expect(terminal.text).toMatch(/PBX "main"\n {2}ERROR /);
    expect(terminal.text).toContain(String(port));
  });
});

describe('a check', () => {
  it('of the recognizer looks for the program that is run, and only where an agent needs it', async () => {
    const config = read({ agents: { a: { provider: 'embedded' } } });
    const find = (path?: string): ReturnType<typeof findRecognizer> => findRecognizer(path, cwd);
    expect(await checkRecognizer(config, { PATH: cwd }, find)).toMatchObject({
      level: 'warning',
      fix: 'sudo apt-get install pocketsphinx pocketsphinx-en-us',
    });
    mkdirSync(join(cwd, 'en-us'));
    writeFileSync(join(cwd, 'cmudict-en-us.dict'), '');
    writeFileSync(join(cwd, 'pocketsphinx_batch'), '');
    expect((await checkRecognizer(config, { PATH: cwd }, find)).level).toBe('ok');
    expect((await checkRecognizer(read({ agents: { a: { provider: 'echo' } } }), {}, find)).level).toBe('ok');
  });

  it('of the ports finds those of each FreeSWITCH, too', async () => {
    const [http, audiosocket, callers] = [await findFreePort(), await findFreePort(), await findFreePort()];
    const config = read({
      http: { port: http },
      audiosocket: { port: audiosocket },
      pbx: [{ kind: 'freeswitch', name: 'fs', esl: { password: 'secret' }, socket: { port: callers } }],
    });
    expect((await checkPorts(config)).map(({ level, sentence }) => [level, sentence])).toContainEqual([
      'ok',
      `port ${callers} on 127.0.0.1 is free for callers of "fs"`,
    ]);
    const taken = createServer().listen(callers, '127.0.0.1');
    await once(taken, 'listening');
    const finding = (await checkPorts(config)).find(({ level }) => level === 'error');
    taken.close();
    expect(finding?.sentence).toContain('pbx[0].socket.port');
  });

  it('of Node.js wants 20', () => {
    expect(checkNode('20.20.2').level).toBe('ok');
    expect(checkNode('18.19.0').level).toBe('error');
  });

  it('of the configuration warns of what is allowed and not wise', () => {
    const config = read({
      http: { host: '0.0.0.0', token: 'short' },
      agents: { a: { provider: 'echo' } },
      extensions: { 7000: { agent: 'a' } },
    });
    expect(checkConfig(config).map((finding) => finding.sentence)).toEqual([
      'extension 7000 has no fallback: its callers are hung up when the AI cannot serve',
      'http.token has only 5 characters',
      'the web page and the API are open to the network at 0.0.0.0, without TLS',
    ]);
  });

  it('of the data directory finds one that cannot be made', async () => {
    writeFileSync(join(cwd, 'file'), '');
    expect(await checkDataDir(join(cwd, 'file', 'data'))).toMatchObject([{ level: 'error' }]);
    expect(await checkDataDir(join(cwd, 'new', 'data'))).toMatchObject([{ level: 'ok' }]);
  });
});

function write(config: unknown): void {
  writeFileSync(join(cwd, 'linecard.yaml'), JSON.stringify(config)); // JSON is YAML
}

function read(value: unknown): Config {
  const reading = readConfigObject(value, { env: {}, cwd });
  if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
  return reading.config;
}
