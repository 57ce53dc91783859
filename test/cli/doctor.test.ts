import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfig, checkDataDir, checkNode, checkRecognizer } from '../../src/cli/doctor-checks.js';
import { main } from '../../src/cli/linecard.js';
import type { Config } from '../../src/config/index.js';
import { readConfigObject } from '../../src/config/index.js';
import { findFreePort } from '../../src/demo/ports.js';
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
  it('of the recognizer asks for the packages that are missing, and only where an agent needs it', async () => {
    const config = read({ agents: { a: { provider: 'embedded' } } });
    expect(await checkRecognizer(config, { PATH: cwd }, join(cwd, 'model'))).toMatchObject({
      level: 'warning',
      fix: 'sudo apt-get install pocketsphinx pocketsphinx-en-us',
    });
    mkdirSync(join(cwd, 'model'));
    writeFileSync(join(cwd, 'pocketsphinx_continuous'), '');
    chmodSync(join(cwd, 'pocketsphinx_continuous'), 0o755);
    expect((await checkRecognizer(config, { PATH: cwd }, join(cwd, 'model'))).level).toBe('ok');
    expect((await checkRecognizer(read({ agents: { a: { provider: 'echo' } } }), {}, '/nothing')).level).toBe('ok');
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
