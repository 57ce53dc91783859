import { Command, CommanderError } from 'commander';
import { EXIT_CONFIG_INVALID } from '../config/index.js';
import { LinecardError } from '../core/errors.js';
import { addCallCommands } from './call-commands.js';
import { configCommand } from './config.js';
import type { DoctorOptions } from './doctor.js';
import type { Terminal } from './terminal.js';
import { CommandFailure, processTerminal } from './terminal.js';

type ConfigOption = { readonly config?: string };

/** Runs the command line and resolves with the exit code: 0, 1 for a failure, 78 for a wrong configuration. */
export async function main(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const result = { exitCode: 0 };
  try {
    await createProgram(terminal, (exitCode) => (result.exitCode = exitCode)).parseAsync([...args], { from: 'user' });
    return result.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode; // it has said what is wrong, or printed the help
    if (error instanceof CommandFailure) {
      terminal.err(`linecard: ${error.message}`);
      return error.exitCode;
    }
    if (error instanceof LinecardError && error.fault !== 'bug') {
      terminal.err(`linecard: ${error.message}`);
      return error.fault === 'config' ? EXIT_CONFIG_INVALID : 1;
    }
    throw error;
  }
}

/** The commands. Each is loaded when it runs: `--help` is to be quick. */
function createProgram(terminal: Terminal, finish: (exitCode: number) => void): Command {
  const program = new Command('linecard')
    .description('An AI extension for the phone system you already have.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError('(linecard --help shows what there is)')
    .addHelpText(
      'after',
      `
Examples:
  $ npx linecard init            write a linecard.yaml to begin with
  $ npx linecard doctor          find out what is missing
  $ npx linecard start           run, with linecard.yaml or as the demo
  $ npx linecard call list       see calls`,
    );

  const command = (name: string, description: string, examples: readonly string[], parent = program): Command =>
    parent
      .command(name)
      .description(description)
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ npx linecard ${example}`).join('\n')}`);

  const withConfig = (target: Command): Command =>
    target.option('-c, --config <file>', 'configuration file (default: LINECARD_CONFIG, then linecard.yaml here)');

  withConfig(
    command('start', 'Run Linecard in the foreground; without a configuration file, the demo with its own Asterisk.', [
      'start',
      'start --config /etc/linecard.yaml',
    ]),
  ).action(async (options: ConfigOption) => {
    const { startCommand } = await import('./start.js');
    finish(await startCommand(options));
  });

  command('init', 'Write a commented linecard.yaml and say what to add to the dialplan.', [
    'init',
    'init --file /etc/linecard.yaml',
    'init --force',
  ])
    .option('-f, --file <file>', 'where to write it', 'linecard.yaml')
    .option('--force', 'write over a file that is there')
    .action(async (options: { readonly file: string; readonly force?: true }) => {
      const { initCommand } = await import('./init.js');
      finish(await initCommand(terminal, options));
    });

  withConfig(
    command('doctor', 'Look for everything that keeps a call from being served, and say how to mend it.', [
      'doctor',
      'doctor --config /etc/linecard.yaml',
      'doctor --unplug 7000',
    ]),
  )
    .option('--unplug [extension]', 'call the agent, kill the serving process, and tell where the caller ends')
    .option('--context <context>', 'with --unplug: the context in which phones dial the extension')
    .option('--force', 'with --unplug: although other callers are there')
    .action(async (options: DoctorOptions) => {
      const { doctorCommand } = await import('./doctor.js');
      finish(await doctorCommand(terminal, options));
    });

  withConfig(
    command('config', 'Print the configuration in effect, secrets masked; exit code 78 when it has mistakes.', [
      'config',
      'config --config /etc/linecard.yaml',
    ]),
  ).action((options: ConfigOption) => {
    finish(configCommand(terminal, options));
  });

  addCallCommands({ terminal, finish, withConfig, command: (...given) => command(...given) });
  return program;
}
