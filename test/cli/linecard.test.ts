import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/linecard.js';
import { TestTerminal } from '../support/terminal.js';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'linecard-cli-'));
});

afterEach(() => rmSync(cwd, { recursive: true }));

describe('help', () => {
  it('lists the commands, with examples', async () => {
    const terminal = new TestTerminal({ cwd });
    expect(await main(['--help'], terminal)).toBe(0);
    for (const command of ['start', 'init', 'doctor', 'call', 'config'])
      expect(terminal.text).toContain(`  ${command} `);
    expect(terminal.text).toContain('Examples:');
  });

  it.each([
    'start',
    'init',
    'doctor',
    'call',
    'config',
    'call list',
    'call show',
    'call watch',
    'call hangup',
    'call hold',
    'call resume',
    'call say',
    'call digits',
    'call transfer',
    'call supervise',
  ])('there is for %s', async (command) => {
    const terminal = new TestTerminal({ cwd });
    expect(await main([...command.split(' '), '--help'], terminal)).toBe(0);
    expect(terminal.text).toContain(`Usage: linecard ${command}`);
    expect(terminal.text).toContain(`$ npx linecard ${command}`);
  });

  it('comes with a wrong command, and what was probably meant', async () => {
    const terminal = new TestTerminal({ cwd });
    expect(await main(['docter'], terminal)).toBe(1);
    expect(terminal.errorText).toContain('Did you mean doctor?');
  });
});

describe('linecard config', () => {
  it('prints what is in effect, secrets masked', async () => {
    writeFileSync(join(cwd, 'linecard.yaml'), 'http: { token: ${TOKEN} }');
    const terminal = new TestTerminal({ cwd, env: { TOKEN: 'hidden', LINECARD_HTTP_PORT: '18080' } });
    expect(await main(['config'], terminal)).toBe(0);
    expect(terminal.text).toContain('port: 18080');
    expect(terminal.text).not.toContain('hidden');
    expect(terminal.errorText).toContain('note: neither extensions nor audiosocket.direct is set');
  });

  it('ends with 78 and every mistake', async () => {
    writeFileSync(join(cwd, 'linecard.yaml'), 'htpt: {}\nmedia: { threads: x }');
    const terminal = new TestTerminal({ cwd });
    expect(await main(['config'], terminal)).toBe(78);
    expect(terminal.errorText).toContain('did you mean "http"?');
    expect(terminal.errorText).toContain('media.threads');
  });

  it('takes the file that is named, and ends with 78 when it is not there', async () => {
    writeFileSync(join(cwd, 'other.yaml'), 'dataDir: /srv/linecard');
    const terminal = new TestTerminal({ cwd });
    expect(await main(['config', '--config', 'other.yaml'], terminal)).toBe(0);
    expect(terminal.text).toContain('dataDir: /srv/linecard');
    expect(await main(['config', '--config', 'away.yaml'], terminal)).toBe(78);
  });

  it('shows the demo’s where there is no file of its own', async () => {
    writeFileSync(join(cwd, 'demo.yaml'), 'http: { port: 18081 }');
    const terminal = new TestTerminal({ cwd, env: { LINECARD_DATA_DIR: cwd } });
    expect(await main(['config'], terminal)).toBe(0);
    expect(terminal.text).toContain('port: 18081');
  });
});

describe('the command of the repository', () => {
  it('says how to build when nothing is built', () => {
    const script = join(import.meta.dirname, '../../bin/linecard.mjs');
    const copy = join(cwd, 'bin');
    execFileSync('cp', ['-r', join(script, '..'), copy]);
    const run = (): unknown => execFileSync(join(copy, 'linecard.mjs'), ['--help'], { stdio: 'pipe' });
    expect(run).toThrow(/Run "npm start" once/);
  });
});
