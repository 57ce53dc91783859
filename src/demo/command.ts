import { execFile } from 'node:child_process';

/** How a short-lived program ended. `output` is stdout and stderr, in the order of the streams. */
export type CommandResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly output: string;
};

/** Runs a program to its end, at most `limitMs`. A program that is not there or was killed gives exit code 127 or 137. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly limitMs: number; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const settings = {
      env: options.env ?? process.env,
      timeout: options.limitMs,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 64 * 1024 * 1024,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    };
    execFile(command, [...args], settings, (error, stdout, stderr) => {
      const exitCode =
        error === null ? 0 : typeof error.code === 'number' ? error.code : error.killed === true ? 137 : 127;
      const note = error !== null && typeof error.code !== 'number' ? `${error.message}\n` : '';
      resolve({ exitCode, stdout, output: `${stdout}${stderr}${note}` });
    });
  });
}

/** The last lines of a program's output, for an error message. */
export function lastLines(output: string, count = 6): string {
  return output.trim().split('\n').slice(-count).join('\n');
}
