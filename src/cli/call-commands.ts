import { Option } from 'commander';
import type { Command } from 'commander';
import {
  holdCall,
  hangUpCall,
  listCalls,
  sayInCall,
  sendDigits,
  showCall,
  superviseCall,
  transferCall,
  watchCall,
} from './call.js';
import type { CallOptions, SuperviseOptions, TransferOptions } from './call.js';
import type { Terminal } from './terminal.js';

export type CallCommandsOptions = {
  readonly terminal: Terminal;
  readonly finish: (exitCode: number) => void;
  readonly withConfig: (target: Command) => Command;
  readonly command: (name: string, description: string, examples: readonly string[], parent?: Command) => Command;
};

/** `linecard call …`: everything that can be done to a call by hand. */
export function addCallCommands({ terminal, finish, withConfig, command }: CallCommandsOptions): void {
  const call = command('call', 'See and steer the calls of the running Linecard.', [
    'call list',
    'call show 5f0c',
    'call watch 5f0c',
    'call transfer 5f0c sales',
    'call supervise 5f0c 6002',
    'call hangup 5f0c',
  ]);
  const sub = (usage: string, description: string, ...examples: readonly string[]): Command =>
    withConfig(command(usage, description, examples, call))
      .option('--url <url>', 'address of the running Linecard (default: as configured)')
      .option('--token <token>', 'its token (default: as configured, then dataDir/token)')
      .option('--json', 'print what the API answers');

  sub('list', 'Live calls, then those of late.', 'call list').action(async (options: CallOptions) => {
    finish(await listCalls(terminal, options));
  });
  sub('show <id>', 'One call; the beginning of its id is enough.', 'call show 5f0c').action(
    async (id: string, options: CallOptions) => {
      finish(await showCall(terminal, id, options));
    },
  );
  sub('watch <id>', 'Follow a call until it ends.', 'call watch 5f0c').action(
    async (id: string, options: CallOptions) => {
      finish(await watchCall(terminal, id, options));
    },
  );
  sub('hangup <id>', 'End a call.', 'call hangup 5f0c').action(async (id: string, options: CallOptions) => {
    finish(await hangUpCall(terminal, id, options));
  });
  sub('hold <id>', 'Give the caller music; the agent neither hears nor speaks.', 'call hold 5f0c').action(
    async (id: string, options: CallOptions) => {
      finish(await holdCall(terminal, id, 'hold', options));
    },
  );
  sub('resume <id>', 'Bring the caller back from hold.', 'call resume 5f0c').action(
    async (id: string, options: CallOptions) => {
      finish(await holdCall(terminal, id, 'resume', options));
    },
  );
  sub('say <id> <text>', 'Let the agent say this to the caller.', 'call say 5f0c "One moment, please."').action(
    async (id: string, text: string, options: CallOptions) => {
      finish(await sayInCall(terminal, id, text, options));
    },
  );
  sub(
    'digits <id> <digits>',
    'Press keys towards the caller’s side, to steer a menu there.',
    'call digits 5f0c 12#',
  ).action(async (id: string, digits: string, options: CallOptions) => {
    finish(await sendDigits(terminal, id, digits, options));
  });
  sub(
    'transfer <id> <to>',
    'Send the caller to a destination, or to "fallback", in the way the destination has.',
    'call transfer 5f0c sales',
    'call transfer 5f0c sales --warm --summary "wants a quote"',
  )
    .option('--blind', 'at once')
    .option('--warm', 'ask the person first; the caller comes back to the agent if nobody takes the call')
    .option('--conference', 'as --warm, and the agent stays in the call')
    .option('--summary <text>', 'what a person who is asked is told of the caller’s wish')
    .action(async (id: string, to: string, options: TransferOptions) => {
      finish(await transferCall(terminal, id, to, options));
    });
  sub(
    'supervise <id> [phone]',
    'Ring a phone that then hears the call; its keys change that: 4 listen, 5 whisper, 6 join, 9 take over.',
    'call supervise 5f0c 6002',
    'call supervise 5f0c 6002 --mode takeover',
    'call supervise 5f0c --text "Offer her a refund."',
  )
    .addOption(
      new Option('--mode <mode>', 'how it begins (default: listen)').choices(['listen', 'whisper', 'join', 'takeover']),
    )
    .option('--text <text>', 'told to the agent alone')
    .action(async (id: string, phone: string | undefined, options: SuperviseOptions) => {
      finish(await superviseCall(terminal, id, phone, options));
    });
}
