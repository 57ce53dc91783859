import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LinecardError } from '../core/errors.js';
import { PROJECT_DIR, type AsteriskProgram } from './asterisk-install.js';

/** A telephone that may register at the demo PBX: its number is its user name. */
export type DemoPhone = { readonly number: string; readonly password: string; readonly label: string };

/** What the templates in `asterisk/` are filled with. */
export type AsteriskConfig = {
  /** Where SIP and RTP listen; ARI is always on 127.0.0.1. */
  readonly sipHost: string;
  readonly sipPort: number;
  readonly ariPort: number;
  readonly rtpPorts: { readonly first: number; readonly last: number };
  readonly ari: { readonly username: string; readonly password: string };
  /** Name of the Stasis application. */
  readonly app: string;
  /** `host:port` of Linecard, for the dialplan AudioSocket extension. */
  readonly audiosocket: string;
  readonly phones: readonly DemoPhone[];
  /** Text put at the end of a file, by its name (`extensions.conf`), or a file of its own: for tests that need more than the demo has. */
  readonly append: Readonly<Record<string, string>>;
};

const TEMPLATE_DIR = path.join(PROJECT_DIR, 'asterisk');
/** The file that admins include in their own dialplan; the demo takes it as they do. */
const DIALPLAN_FILE = path.join(PROJECT_DIR, 'dialplan/asterisk/linecard.conf');
/** Asterisk creates none of these itself. */
const DIRECTORIES = [
  'lib',
  'lib/agi-bin',
  'lib/keys',
  'lib/moh',
  'spool',
  'spool/recording',
  'spool/monitor',
  'spool/tmp',
  'log',
];

/** Writes `runDir/etc/*.conf` and the directories Asterisk expects; readable by the owner only, since it holds passwords. */
export async function renderAsteriskConfig(
  runDir: string,
  socketDir: string,
  program: AsteriskProgram,
  config: AsteriskConfig,
): Promise<void> {
  const etc = path.join(runDir, 'etc');
  await mkdir(etc, { recursive: true, mode: 0o700 });
  await chmod(etc, 0o700);
  for (const name of DIRECTORIES) await mkdir(path.join(runDir, name), { recursive: true });
  const values = templateValues(runDir, socketDir, program, config);
  const templates = (await readdir(TEMPLATE_DIR)).filter((file) => file.endsWith('.conf'));
  for (const name of new Set([...templates, ...Object.keys(config.append)])) {
    const template = templates.includes(name) ? await readFile(path.join(TEMPLATE_DIR, name), 'utf8') : '';
    const text = fillTemplate(template, values, name);
    await writeFile(path.join(etc, name), `${text}${config.append[name] ?? ''}`, { mode: 0o600 });
  }
  const dialplan = await readFile(DIALPLAN_FILE, 'utf8');
  await writeFile(path.join(etc, 'linecard.conf'), setUpDialplan(dialplan, config), { mode: 0o600 });
}

/** Replaces each `{{name}}`; a name without a value is a mistake in the template. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>, file: string): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new LinecardError('INVARIANT', `asterisk/${file} asks for {{${name}}}, which has no value`);
    return value;
  });
}

function templateValues(
  runDir: string,
  socketDir: string,
  program: AsteriskProgram,
  config: AsteriskConfig,
): Record<string, string> {
  return {
    runDir,
    socketDir,
    programDirectories: [
      ...(program.moduleDir === null ? [] : [`astmoddir = ${program.moduleDir}`]),
      ...(program.dataDir === null ? [] : [`astdatadir = ${program.dataDir}`]),
    ].join('\n'),
    musicDir: program.musicDir ?? path.join(runDir, 'lib/moh'),
    sipHost: config.sipHost,
    sipPort: String(config.sipPort),
    // Any address: let Asterisk choose the one the phone is reached by.
    mediaAddress: config.sipHost === '0.0.0.0' ? '' : `media_address = ${config.sipHost}`,
    ariPort: String(config.ariPort),
    ariUser: config.ari.username,
    ariPassword: config.ari.password,
    rtpStart: String(config.rtpPorts.first),
    rtpEnd: String(config.rtpPorts.last),
    app: config.app,
    phones: config.phones.map(phoneSection).join('\n'),
    phoneExtensions: config.phones.map(phoneExtension).join('\n'),
  };
}

/** Changes the settings of a dialplan file, as an admin would with an editor. */
export function setUpDialplan(
  dialplan: string,
  settings: { readonly app: string; readonly audiosocket: string },
): string {
  return dialplan
    .replaceAll(/\bSet\(LINECARD_APP=[^)]*\)/g, () => `Set(LINECARD_APP=${settings.app})`)
    .replaceAll(/\bSet\(LINECARD_ADDRESS=[^)]*\)/g, () => `Set(LINECARD_ADDRESS=${settings.audiosocket})`);
}

function phoneSection(phone: DemoPhone): string {
  return `; ${phone.label}
[${phone.number}](phone)
auth = ${phone.number}
aors = ${phone.number}
callerid = "${phone.label}" <${phone.number}>

[${phone.number}](phone-auth)
username = ${phone.number}
password = ${phone.password}

[${phone.number}](phone-aor)
`;
}

function phoneExtension(phone: DemoPhone): string {
  return `exten => ${phone.number},1,Dial(\${PJSIP_DIAL_CONTACTS(${phone.number})},30)
 same => n,Hangup()`;
}
