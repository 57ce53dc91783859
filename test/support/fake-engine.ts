import type { LinecardError } from '../../src/core/errors.js';
import type { CallId } from '../../src/core/ids.js';
import { newCallId, newLegId } from '../../src/core/ids.js';
import type { FromMedia, LegReport, MediaAddress, MediaEngine, OpenSession, ToMedia } from '../../src/engine/port.js';
import { NO_SOUND } from '../../src/media/metered-leg.js';

/** Media threads in memory: a session's leg connects at once unless the test holds it back. */
export class FakeEngine implements MediaEngine {
  onMessage: (message: FromMedia) => void = () => undefined;
  readonly sent: Extract<ToMedia, { readonly callId: CallId }>[] = [];
  readonly sessions = new Map<CallId, OpenSession>();
  refusals: string[] = [];
  openFailure: LinecardError | null = null;
  legs: 'connect' | 'stay away' = 'connect';

  start(): Promise<void> {
    return Promise.resolve();
  }

  unready(): readonly string[] {
    return this.refusals;
  }

  limitations(): readonly string[] {
    return [];
  }

  open(session: OpenSession): Promise<MediaAddress> {
    if (this.openFailure !== null) return Promise.reject(this.openFailure);
    this.sessions.set(session.callId, session);
    if (this.legs === 'connect') setImmediate(() => this.connectLeg(session.callId));
    return Promise.resolve({ host: '127.0.0.1', port: 9092 });
  }

  connectLeg(callId: CallId): void {
    this.onMessage({ kind: 'legConnected', callId, codec: 'slin16', sampleRateHz: 16_000 });
  }

  loseLeg(callId: CallId, report = legReport()): void {
    this.sessions.delete(callId);
    this.onMessage({ kind: 'legClosed', callId, reason: 'remote', detail: 'FIN', report });
  }

  directCall(): CallId {
    const callId = newCallId();
    const session: OpenSession = {
      callId,
      legId: newLegId(),
      transport: 'audiosocket',
      agent: 'receptionist',
      caller: { number: '', name: '' },
      extension: null,
      digits: 'leg',
      history: [],
      format: null,
    };
    this.sessions.set(callId, session);
    this.onMessage({ kind: 'directCall', session, peer: '127.0.0.1', codec: 'slin', sampleRateHz: 8000 });
    return callId;
  }

  send(message: Extract<ToMedia, { readonly callId: CallId }>): void {
    this.sent.push(message);
    if (message.kind === 'close') this.sessions.delete(message.callId);
  }

  kindsSent(): string[] {
    return this.sent.map((message) => message.kind);
  }

  reports(): readonly never[] {
    return [];
  }

  drain(): void {
    this.refusals = ['draining'];
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

export function legReport(overrides: Partial<LegReport> = {}): LegReport {
  return {
    legId: newLegId(),
    codec: 'slin16',
    sampleRateHz: 16_000,
    depthMs: 0,
    skewPpm: 0,
    sound: NO_SOUND,
    talkedMs: 0,
    chain: [],
    counters: {
      framesIn: 0,
      framesOut: 0,
      dropped: 0,
      underruns: 0,
      concealed: 0,
      overruns: 0,
      stretched: 0,
      shrunk: 0,
      late: 0,
      lost: 0,
      clippedSamples: 0,
    },
    ...overrides,
  };
}
