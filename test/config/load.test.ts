import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configNotices, findConfigFile, loadConfig, printConfig } from '../../src/config/index.js';
import { LinecardError } from '../../src/core/errors.js';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'linecard-config-'));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

describe('the file that counts', () => {
  it('is the one of --config, then of LINECARD_CONFIG, then linecard.yaml here', () => {
    const env = { LINECARD_CONFIG: 'other.yaml' };
    writeFileSync(join(cwd, 'linecard.yaml'), '');
    expect(findConfigFile({ file: 'third.yaml', env, cwd })).toBe(join(cwd, 'third.yaml'));
    expect(findConfigFile({ env, cwd })).toBe(join(cwd, 'other.yaml'));
    expect(findConfigFile({ env: { LINECARD_CONFIG: '' }, cwd })).toBe(join(cwd, 'linecard.yaml'));
  });

  it('is none in an empty directory', () => {
    expect(findConfigFile({ env: {}, cwd })).toBeNull();
    expect(failure(() => loadConfig({ env: {}, cwd }))).toContain('npx linecard init');
  });

  it('is named when it cannot be read', () => {
    expect(failure(() => loadConfig({ file: 'away.yaml', env: {}, cwd }))).toMatch(/away\.yaml cannot be read: ENOENT/);
    writeFileSync(join(cwd, 'binary.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
    expect(failure(() => loadConfig({ file: 'binary.yaml', env: {}, cwd }))).toContain('binary.yaml cannot be read');
    writeFileSync(join(cwd, 'huge.yaml'), '#'.repeat(1_000_001));
    expect(failure(() => loadConfig({ file: 'huge.yaml', env: {}, cwd }))).toContain('1000001 bytes');
  });

  it('has its mistakes listed in the order of its lines', () => {
    writeFileSync(join(cwd, 'linecard.yaml'), 'audiosocket: { direct: nobody }\nhttp: { port: x }\nmedai: {}\n');
    const lines = failure(() => loadConfig({ env: {}, cwd })).split('\n');
    expect(lines[0]).toBe(`${join(cwd, 'linecard.yaml')} has 3 mistakes:`);
    expect(lines.slice(1).map((line) => line.slice(0, 8))).toEqual(['  line 1', '  line 2', '  line 3']);
    expect(lines[3]).toContain('did you mean "media"?');
  });
});

describe('the effective configuration', () => {
  it('shows defaults and masks every secret', () => {
    writeFileSync(
      join(cwd, 'linecard.yaml'),
      `http: { token: token-of-mine }
pbx: [{ kind: asterisk, name: main, ari: { url: "http://127.0.0.1:8088", username: me, password: hidden-one } }]
webrtc: { iceServers: [{ urls: ["turn:turn.example.com"], username: u, credential: hidden-two }] }`,
    );
    const printed = printConfig(loadConfig({ env: {}, cwd }));
    expect(printed).toContain('port: 8080');
    expect(printed).toContain('username: me');
    expect(printed.match(/\*{8}/g)).toHaveLength(3);
    expect(printed).not.toMatch(/token-of-mine|hidden/);
  });

  it('comes with notes on what has no effect', () => {
    writeFileSync(join(cwd, 'linecard.yaml'), 'webrtc: { enabled: true, icePolicy: relay }');
    expect(configNotices(loadConfig({ env: {}, cwd }))).toEqual([
      'webrtc: icePolicy is relay and iceServers has no turn: address: no browser call can come',
    ]);
    writeFileSync(join(cwd, 'linecard.yaml'), 'http: { port: 0 }');
    expect(configNotices(loadConfig({ env: {}, cwd }))).toEqual([
      'neither extensions nor audiosocket.direct is set: no call reaches an agent',
    ]);
  });
});

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof LinecardError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}
