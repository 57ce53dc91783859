import { SpeechGate } from '../src/agent/speech-gate.js';
import { TurnTaking } from '../src/agent/turn-taking.js';
import { FRAME_MS, FRAME_SAMPLES } from '../src/core/units.js';
import { EchoGuard } from '../src/media/echo-guard.js';
import { Vad, loadVad } from '../src/media/vad.js';
import { EchoLine } from '../test/support/echo-line.js';
import { speech } from '../test/support/speech.js';

const DELAYS_MS = [40, 90, 120, 200, 300, 400] as const;
const CUT_IN_AT_MS = [800, 1500, 2600, 3900] as const;
const VOICES = ['slt', 'rms', 'awb', 'kal16'] as const;

await loadVad();
const agents = VOICES.map((voice) =>
  speech(
    ['Thank you for calling Acme, my name is Clara.', 'I can put you through to sales, or take a message.'],
    voice,
  ),
);
const callers = VOICES.map((voice) => speech(['No wait, stop. I want to talk to somebody in sales, please.'], voice));

for (const noise of [20, 100]) {
  for (const echoDb of [-10, -15, -20, -30]) {
    const runs = agents.flatMap((agent) => DELAYS_MS.map((delayMs) => turnsOf(agent, { echoDb, delayMs, noise })));
    print(`echo guard, agent alone, echo ${echoDb} dB, noise ${noise}`, {
      value: runs.filter(({ guardedMs }) => guardedMs !== null).length,
      unit: 'calls of all in which the agent interrupted itself',
      calls: runs.length,
      withoutGuard: runs.filter(({ plainMs }) => plainMs !== null).length,
    });
  }
}
for (const echoDb of [undefined, -10, -20, -30]) {
  const delaysMs: number[] = [];
  for (const [a, agent] of agents.entries()) {
    for (const [c, voice] of callers.entries()) {
      if (a === c) continue;
      for (const atMs of CUT_IN_AT_MS) {
        const { plainMs } = turnsOf(agent, { delayMs: 120, caller: { voice, atMs } });
        const line = { delayMs: 120, caller: { voice, atMs }, ...(echoDb === undefined ? {} : { echoDb }) };
        const { guardedMs } = turnsOf(agent, line);
        delaysMs.push(plainMs === null ? 0 : (guardedMs ?? Number.POSITIVE_INFINITY) - plainMs);
      }
    }
  }
  delaysMs.sort((x, y) => x - y);
  print(`echo guard, caller cuts in, ${echoDb === undefined ? 'no echo' : `echo ${echoDb} dB`}`, {
    value: delaysMs[Math.floor(delaysMs.length / 2)],
    unit: 'ms later than without echo, the middle of all',
    p90Ms: delaysMs[Math.floor(delaysMs.length * 0.9)],
    notHeard: delaysMs.filter((ms) => ms === Number.POSITIVE_INFINITY).length,
    calls: delaysMs.length,
  });
}

/** When the caller's turn begins, with and without the guard; null: never. */
function turnsOf(
  agent: Int16Array,
  options: ConstructorParameters<typeof EchoLine>[0],
): { guardedMs: number | null; plainMs: number | null } {
  const guard = new EchoGuard();
  const gate = new SpeechGate(new Vad());
  const line = new EchoLine(options);
  const guarded = new TurnTaking();
  const plain = new TurnTaking();
  let guardedMs: number | null = null;
  let plainMs: number | null = null;
  for (let at = 0; at + FRAME_SAMPLES <= agent.length; at += FRAME_SAMPLES) {
    const nowMs = (at / FRAME_SAMPLES) * FRAME_MS;
    const heard = line.heard();
    const played = agent.subarray(at, at + FRAME_SAMPLES);
    guard.heard(heard);
    const isSpeech = gate.isSpeech(heard);
    if (plain.feed(isSpeech ? 'speech' : 'none', nowMs) === 'started') plainMs ??= nowMs;
    if (guarded.feed(isSpeech && !guard.isEcho() ? 'speech' : 'none', nowMs) === 'started') guardedMs ??= nowMs;
    guard.played(played);
    line.played(played);
  }
  gate.close();
  return { guardedMs, plainMs };
}

function print(name: string, figures: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ name, ...figures })}\n`);
}
