import type { AgentCallHarness } from '../agent-call.js';
import { voiceLike } from '../voice-signal.js';

/** What the caller says must not be like what the agent says: that would be its echo. */
const VOICE = voiceLike(16_000);

/** The caller speaks for so long, at most a second; whether it was a turn is seen after a pause. */
export function callerSpeaks(call: AgentCallHarness, ms: number): void {
  for (let at = 0; at < ms * 16; at += 320) call.leg.uplink.push(VOICE.subarray(at, at + 320));
  call.run(ms);
}
