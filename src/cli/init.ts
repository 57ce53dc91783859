import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { InitAnswers } from './init-template.js';
import { configTemplate, DEFAULT_ANSWERS, dialplanLines } from './init-template.js';
import type { Terminal } from './terminal.js';
import { CommandFailure } from './terminal.js';

export type InitOptions = { readonly file: string; readonly force?: true };

/** `linecard init`: asks a person, takes the defaults otherwise, writes the file and says what the dialplan needs. */
export async function initCommand(terminal: Terminal, options: InitOptions): Promise<number> {
  const file = resolve(terminal.cwd, options.file);
  if (options.force !== true && statSync(file, { throwIfNoEntry: false }) !== undefined) {
    throw new CommandFailure(`${file} is there already; --force writes over it, --file takes another name`);
  }
  const answers = terminal.interactive ? await askAnswers() : DEFAULT_ANSWERS;
  if (answers === null) {
    terminal.err('nothing was written');
    return 1;
  }
  try {
    writeFileSync(file, configTemplate(answers), { mode: 0o600 });
    chmodSync(file, 0o600); // people put secrets here sooner or later
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`${file} cannot be written: ${why}`, { cause: error });
  }
  terminal.out(`Wrote ${file}`);
  terminal.out('');
  for (const line of nextSteps(answers)) terminal.out(line);
  return 0;
}

const IN_ASTERISK = [
  'Put this into your dialplan (dialplan/asterisk/linecard.conf has it with comments, dialplan/freepbx/ for FreePBX),',
  'then run: asterisk -rx "dialplan reload"',
];
const IN_FREESWITCH = [
  'Copy dialplan/freeswitch/linecard.xml to dialplan/default/ of your FreeSWITCH, with these lines at its top,',
  'then run: fs_cli -x reloadxml',
];

function nextSteps(answers: InitAnswers): string[] {
  const steps = [
    ...(answers.door === 'freeswitch' ? IN_FREESWITCH : IN_ASTERISK),
    '',
    ...dialplanLines(answers)
      .split('\n')
      .map((line) => `    ${line}`),
    '',
  ];
  if (answers.door === 'ari') {
    steps.push(
      `An ARI user "${answers.ariUsername}" has to be in ari.conf. Its password comes from the environment:`,
      '',
      '    export ARI_PASSWORD=...',
      '',
    );
  }
  if (answers.door === 'freeswitch') {
    steps.push(
      'The password of the event socket (event_socket.conf.xml) comes from the environment:',
      '',
      '    export ESL_PASSWORD=...',
      '',
    );
  }
  return [...steps, 'Then: npx linecard doctor, and npm start'];
}

/** Null when the person gave up. */
async function askAnswers(): Promise<InitAnswers | null> {
  const { group, intro, isCancel, select, text } = await import('@clack/prompts');
  const cancelled = new Error('cancelled');
  const number = (value: string | undefined): string | undefined =>
    /^[0-9A-Za-z*#+_.-]{1,64}$/.test(value ?? '') ? undefined : 'digits, letters, * # + - _ and . only';
  intro('Linecard: a configuration to begin with');
  const door = await select({
    message: 'How do calls get to Linecard?',
    options: [
      { value: 'ari' as const, label: 'Asterisk with ARI', hint: 'wideband, transfer, hold' },
      { value: 'freeswitch' as const, label: 'FreeSWITCH', hint: 'event socket and unicast, nothing installed' },
      { value: 'dialplan' as const, label: 'Asterisk’s dialplan only', hint: 'AudioSocket, no user and no password' },
    ],
  });
  if (isCancel(door)) return null;
  try {
    const onCancel = (): never => {
      throw cancelled;
    };
    const defaults = DEFAULT_ANSWERS;
    const common = await group(
      {
        extension: () =>
          text({ message: 'Which number is dialled?', initialValue: defaults.extension, validate: number }),
        fallback: () =>
          text({
            message: 'Which person’s number rings when the AI cannot serve?',
            initialValue: defaults.fallback,
            validate: number,
          }),
        greeting: () => text({ message: 'What does the agent say first?', initialValue: defaults.greeting }),
      },
      { onCancel },
    );
    if (door === 'dialplan') return { ...defaults, ...common, door };
    if (door === 'freeswitch') {
      const esl = await group(
        {
          eslHost: () =>
            text({
              message: 'Where is FreeSWITCH (its event socket, port 8021)?',
              initialValue: defaults.eslHost,
              validate: (value) => (/^[\w.:-]+$/.test(value ?? '') ? undefined : 'a host name or an address'),
            }),
        },
        { onCancel },
      );
      return { ...defaults, ...common, ...esl, door };
    }
    const ari = await group(
      {
        ariUrl: () =>
          text({
            message: 'Where is Asterisk’s HTTP server (http.conf)?',
            initialValue: defaults.ariUrl,
            validate: (value) => (URL.canParse(value ?? '') ? undefined : 'a URL such as http://127.0.0.1:8088'),
          }),
        ariUsername: () => text({ message: 'Which ARI user (ari.conf)?', initialValue: defaults.ariUsername }),
      },
      { onCancel },
    );
    return { ...defaults, ...common, ...ari, door };
  } catch (error) {
    if (error === cancelled) return null;
    throw error;
  }
}
