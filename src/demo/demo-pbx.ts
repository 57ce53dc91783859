import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { foregroundClock, wait, type Clock } from '../core/clock.js';
import { toLinecardError } from '../core/errors.js';
import type { DemoPhone } from './asterisk-config.js';
import type { AsteriskProgram } from './asterisk-install.js';
import { AsteriskInstance } from './asterisk.js';
import type { WantedPort } from './ports.js';

/** What of the demo can be moved by environment variables, so that several run side by side. */
export type DemoSettings = {
  readonly dataDir: string;
  /** LINECARD_SIP_HOST: 0.0.0.0 lets desk phones on the network in. */
  readonly sipHost: string;
  readonly sipPort: number;
  readonly ariPort: number;
  readonly httpPort: number;
  readonly audiosocketPort: number;
};

/** Made once and kept, so that a softphone stays configured. */
type Secrets = { readonly ari: string; readonly phones: Readonly<Record<string, string>> };

const PHONES = [
  { number: '6001', label: 'Sales' },
  { number: '6002', label: 'Support' },
] as const;
/** Nobody hears more than this of a PBX that died; a PBX that cannot start is tried again this often. */
const RESTART_DELAY_MS = 500;

/** The demo's private Asterisk: started once, started again when it dies, with passwords that stay the same. */
export class DemoPbx {
  readonly settings: DemoSettings;
  readonly phones: readonly DemoPhone[];
  readonly #ariPassword: string;
  readonly #asterisk: AsteriskInstance;
  readonly #clock: Clock;
  readonly #print: (line: string) => void;
  readonly #stopping = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  private constructor(options: DemoPbxOptions, secrets: Secrets) {
    this.settings = options.settings;
    this.#clock = options.clock ?? foregroundClock;
    this.#print = options.print;
    this.#ariPassword = secrets.ari;
    this.phones = PHONES.map((phone) => ({ ...phone, password: secrets.phones[phone.number] ?? '' }));
    const { dataDir, sipHost, sipPort, ariPort, audiosocketPort } = this.settings;
    this.#asterisk = new AsteriskInstance({
      program: options.program,
      runDir: path.join(dataDir, 'demo-pbx'),
      clock: this.#clock,
      config: {
        sipHost,
        sipPort,
        ariPort,
        rtpPorts: { first: 10_000, last: 19_999 },
        ari: { username: 'linecard', password: secrets.ari },
        app: 'linecard',
        audiosocket: `127.0.0.1:${audiosocketPort}`,
        phones: this.phones,
        append: {},
      },
    });
  }

  static async open(options: DemoPbxOptions): Promise<DemoPbx> {
    return new DemoPbx(options, await readSecrets(options.settings.dataDir));
  }

  get version(): string {
    return this.#asterisk.version;
  }

  /** Resolves when phones can register. From then on it is started again whenever it dies. */
  async start(): Promise<void> {
    await this.#asterisk.start();
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    await this.#asterisk.stop();
    await this.#watching;
    // One that was just being started again.
    await this.#asterisk.stop();
  }

  /** Writes the configuration Linecard runs the demo with and returns its path. */
  async writeConfig(): Promise<string> {
    const file = path.join(this.settings.dataDir, 'demo.yaml');
    await writePrivate(file, demoConfig(this.settings, this.#asterisk.ariUrl, this.#ariPassword));
    return file;
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await this.#asterisk.ended;
      if (this.#isStopping()) return;
      this.#print('the demo Asterisk ended; starting it again');
      try {
        await this.#asterisk.start();
      } catch (error) {
        this.#print(toLinecardError(error).message);
        await wait(this.#clock, RESTART_DELAY_MS, signal).catch(() => undefined);
      }
    }
  }
}

export type DemoPbxOptions = {
  readonly program: AsteriskProgram;
  readonly settings: DemoSettings;
  /** Told when the PBX dies and comes back. */
  readonly print: (line: string) => void;
  readonly clock?: Clock;
};

/** The ports of the demo that Linecard itself listens on; those of the PBX are checked when it starts. */
export function linecardPorts(settings: DemoSettings): WantedPort[] {
  return [
    {
      host: '127.0.0.1',
      port: settings.httpPort,
      kinds: ['tcp'],
      purpose: 'the web page',
      variable: 'LINECARD_HTTP_PORT',
    },
    {
      host: '127.0.0.1',
      port: settings.audiosocketPort,
      kinds: ['tcp'],
      purpose: 'AudioSocket',
      variable: 'LINECARD_AUDIOSOCKET_PORT',
    },
  ];
}

function demoConfig(settings: DemoSettings, ariUrl: string, ariPassword: string): string {
  return `# Written at every start of the demo: copy it to linecard.yaml and change it there.
http: { host: 127.0.0.1, port: ${settings.httpPort} }
dataDir: ${JSON.stringify(settings.dataDir)}
audiosocket: { host: 127.0.0.1, port: ${settings.audiosocketPort}, allow: [127.0.0.0/8], direct: receptionist }
webrtc: { enabled: true, context: linecard-demo }
pbx:
  - { kind: asterisk, name: demo, ari: { url: "${ariUrl}", username: linecard, password: "${ariPassword}" }, app: linecard }
agents:
  receptionist:
    provider: embedded
    greeting: "Thank you for calling Acme."
    tools: [transfer, take_message, hours, hangup]
  loop: { provider: echo }
extensions:
  "7000": { agent: receptionist, fallback: "6001" }
  "7009": { agent: loop }
destinations:
  sales: { dial: "6001", label: "Sales" }
  support: { dial: "6002", label: "Support", mode: warm }
hours:
  timezone: ${new Intl.DateTimeFormat().resolvedOptions().timeZone}
  open:
    - { days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00" }
  override: { dial: "*28", hours: 14 }
`;
}

async function readSecrets(dataDir: string): Promise<Secrets> {
  await mkdir(dataDir, { recursive: true });
  const file = path.join(dataDir, 'demo-secrets.json');
  const kept = parseSecrets(await readFile(file, 'utf8').catch(() => ''));
  if (kept !== null) return kept;
  const secrets: Secrets = {
    ari: randomBytes(18).toString('base64url'),
    phones: Object.fromEntries(PHONES.map(({ number }) => [number, typablePassword()])),
  };
  await writePrivate(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** Null when there are none or somebody damaged the file: new ones are made. */
function parseSecrets(text: string): Secrets | null {
  try {
    const { ari, phones } = JSON.parse(text) as { ari?: unknown; phones?: Record<string, unknown> };
    const known = PHONES.map(({ number }) => [number, phones?.[number]] as const);
    if (
      typeof ari !== 'string' ||
      !known.every((entry): entry is [(typeof entry)[0], string] => typeof entry[1] === 'string')
    )
      return null;
    return { ari, phones: Object.fromEntries(known) };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Twelve characters that are told apart on a telephone's screen: 60 bits. */
function typablePassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';
  return Array.from(randomBytes(12), (byte) => alphabet[byte % alphabet.length]).join('');
}

async function writePrivate(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  // A file that was there keeps its mode otherwise.
  await chmod(file, 0o600);
}
