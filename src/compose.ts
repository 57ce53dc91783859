import { join } from 'node:path';
import { createApi } from './api/app.js';
import type { BrowserAccess } from './api/port.js';
import { eventJsonForCaller } from './api/present.js';
import type { HttpAddress } from './api/server.js';
import { HttpServer } from './api/server.js';
import { keptToken } from './api/token.js';
import { BrowserCalls } from './call/browser-calls.js';
import { SocketCalls } from './call/socket-calls.js';
import type { ExtensionPlan } from './call/extension-plans.js';
import { CallManager } from './call/call-manager.js';
import type { Destinations } from './call/call-services.js';
import { MessageFiles } from './call/messages.js';
import type { ScheduleConfig } from './call/schedule/schedules.js';
import { Schedules } from './call/schedule/schedules.js';
import { RecordingShelf } from './call/recording/recording-shelf.js';
import { Recordings } from './call/recording/recordings.js';
import { openMediaPool } from './compose-pool.js';
import { hasEars } from './config/agents/ears.js';
import { DEFAULT_SCHEDULE } from './config/index.js';
import type { Config, OpeningHoursConfig, PbxConfig } from './config/index.js';
import { assertNever } from './core/assert-never.js';
import type { Clock } from './core/clock.js';
import type { CallEvent } from './core/events.js';
import { EventBus } from './core/events.js';
import type { Logger } from './core/logger.js';
import type { MediaEngine } from './engine/port.js';
import type { CallJournal } from './journal/port.js';
import { SqliteJournal } from './journal/sqlite-journal.js';
import { CallHistory, MAX_CALLS_REMEMBERED } from './observe/history.js';
import type { ProcessLog } from './observe/log.js';
import { Metrics } from './observe/metrics.js';
import { AsteriskPbx } from './pbx/asterisk/asterisk-pbx.js';
import { FreeSwitchPbx } from './pbx/freeswitch/freeswitch-pbx.js';
import type { Pbx } from './pbx/port.js';
import { iceServersFor } from './transports/webrtc/ice.js';

export type LinecardOptions = {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: ProcessLog;
};

/** Linecard as it runs: control on this thread, media on theirs. */
export interface Linecard {
  readonly http: HttpAddress;
  /** Why no call can be taken; empty when one can. */
  unready(): readonly string[];
  /** No new calls; live ones may end within `limitMs`, the rest goes to the fallback. Then everything is closed. */
  stop(limitMs: number): Promise<void>;
}

/** Puts control together, starts it and opens every door. Rejects with what an admin has to change. */
export async function startLinecard(options: LinecardOptions): Promise<Linecard> {
  const { config, clock } = options;
  const { log } = options.log;
  const events = new EventBus<CallEvent>((error) => log.error({ err: error }, 'a listener of events failed'));
  const journal = new SqliteJournal({
    path: join(config.dataDir, 'journal.db'),
    keepDays: config.journal.keepDays,
    clock,
    log,
  });
  // First: what happened is written before anybody acts on it.
  events.subscribe((event) => journal.observe(event));
  const engine = await openMediaPool({ config, clock, log });
  const messages = new MessageFiles({ directory: join(config.dataDir, 'messages'), clock, log });
  const schedules = openSchedules(config, clock, log);
  await schedules.start();
  const pbxes = config.pbx.map((pbx) => openPbx(pbx, clock, log));
  const calls = new CallManager({
    services: {
      engine,
      destinations: openDestinations(config),
      transfers: {
        maxPerCall: config.transfers.maxPerCall,
        graceMs: config.transfers.graceSeconds * 1000,
        allow: config.transfers.allow,
      },
      journal,
      ears: new Set(Object.entries(config.agents).flatMap(([name, agent]) => (hasEars(agent) ? [name] : []))),
      messages,
      schedules,
      clock,
      log,
      publish: (event) => events.publish(event),
    },
    pbxes,
    agents: new Set(Object.keys(config.agents)),
    anchor: { pbx: config.webrtc.pbx ?? null, context: config.webrtc.context },
    extensions: openExtensions(config),
    schedule: defaultSchedule(config),
  });
  const unready = (): readonly string[] => calls.unready();
  const limitations = (): readonly string[] => {
    const trouble = journal.trouble();
    return trouble === null ? engine.limitations() : [...engine.limitations(), trouble];
  };
  const history = new CallHistory({ earlier: journal.ended(MAX_CALLS_REMEMBERED) });
  const metrics = new Metrics({ calls, engine, unready, droppedLogLines: options.log.droppedLines, journal });
  events.subscribe(history.observe);
  events.subscribe(metrics.observe);
  const desk = openDesk(config, { calls, engine, journal, clock });
  if (desk !== null) events.subscribe(desk.onEvent);
  const sockets = new SocketCalls({
    engine,
    admit: (agent, caller) => calls.admitBrowser(agent, caller, { transport: 'websocket', past: [] }),
    agents: Object.keys(config.agents),
    maxCallsPerAddress: config.webrtc.maxCallsPerAddress,
  });
  events.subscribe(sockets.onEvent);
  const recordings = openRecordings(config, clock, log);
  if (recordings !== null) events.subscribe(recordings.observe);
  const shelf = openShelf(config, recordings, clock, log);
  const server = new HttpServer({
    api: createApi({
      calls,
      actions: calls,
      history,
      messages,
      recordings: shelf,
      schedules,
      metrics,
      proxies: config.http.proxies,
      sockets,
      browsers: desk === null ? null : browserAccess(config, desk, clock),
      readiness: unready,
      limitations,
      token: config.http.token ?? (await keptToken(config.dataDir)),
      clock,
      log,
    }),
    host: config.http.host,
    port: config.http.port,
    clock,
    log,
  });

  // What watches is there before what is watched; callers come last.
  const http = await server.start();
  try {
    engine.onMessage = (message) => {
      metrics.observeMedia(message);
      calls.onMedia(message);
      recordings?.onMedia(message);
      desk?.onMedia(message);
      sockets.onMedia(message);
    };
    await recordings?.start();
    shelf.start();
    // Callers whom an earlier process left hear music while the media threads start.
    calls.start('starting');
    await engine.start();
  } catch (error) {
    await Promise.all([...pbxes.map((pbx) => pbx.stop()), engine.stop(), server.stop(), shelf.stop()]);
    journal.close();
    throw error;
  }
  for (const limitation of engine.limitations()) log.warn({ limitation }, 'something works less well than configured');
  calls.mediaStarted();
  return {
    http,
    unready,
    async stop(limitMs) {
      await calls.drain(limitMs);
      await Promise.all(pbxes.map((pbx) => pbx.stop()));
      await engine.stop();
      await calls.settled();
      await recordings?.stop();
      await shelf.stop();
      await server.stop();
      journal.close();
    },
  };
}

/** The places of a destination with how long each rings. */
function openDestinations({ destinations, transfers }: Config): Destinations {
  return new Map(
    Object.entries(destinations).map(([key, { dial, then, ringSeconds, ...destination }]) => {
      const ringTimeMs = (ringSeconds ?? transfers.ringSeconds) * 1000;
      const places = [dial, ...then].map((extension) => ({ extension, ringTimeMs }));
      return [key, { dial, ...destination, places }];
    }),
  );
}

function openExtensions(config: Config): ReadonlyMap<string, ExtensionPlan> {
  return new Map(
    Object.entries(config.extensions).map(([extension, { agent, fallback, schedule, closed }]) => [
      extension,
      {
        agent,
        fallback: fallback ?? null,
        schedule: schedule ?? defaultSchedule(config),
        ...(closed === undefined
          ? {}
          : {
              closed: {
                agent: closed.agent ?? null,
                fallback: closed.fallback ?? null,
                destinations: closed.destinations === undefined ? null : new Set(closed.destinations),
              },
            }),
      },
    ]),
  );
}

function defaultSchedule({ hours }: Config): string | null {
  return hours === undefined ? null : DEFAULT_SCHEDULE;
}

function openSchedules({ hours, schedules, dataDir }: Config, clock: Clock, log: Logger): Schedules {
  const all = { ...(hours === undefined ? {} : { [DEFAULT_SCHEDULE]: hours }), ...schedules };
  return new Schedules({
    schedules: new Map(Object.entries(all).map(([name, schedule]) => [name, openSchedule(schedule)])),
    file: join(dataDir, 'schedules.json'),
    clock,
    log,
  });
}

function openSchedule({ override, ...plan }: OpeningHoursConfig): ScheduleConfig {
  const { dial, press, hours } = override;
  const overrideMs = hours === undefined ? null : hours * 3_600_000;
  return { plan, dial: dial ?? null, press: press ?? null, overrideMs };
}

/** Where calls are recorded; null where they are not. */
function openRecordings({ recording, dataDir }: Config, clock: Clock, log: Logger): Recordings | null {
  return recording.enabled ? new Recordings({ directory: recordingsPath(dataDir), clock, log }) : null;
}

/** The recordings that are there, also where none are made any more. */
function openShelf(
  { recording, dataDir }: Config,
  recordings: Recordings | null,
  clock: Clock,
  log: Logger,
): RecordingShelf {
  return new RecordingShelf({
    directory: recordingsPath(dataDir),
    keepDays: recording.keepDays ?? null,
    maxGb: recording.maxGb ?? null,
    isOpen: (callId) => recordings?.isOpen(callId) ?? false,
    clock,
    log,
  });
}

function recordingsPath(dataDir: string): string {
  return join(dataDir, 'recordings');
}

/** The desk where browsers call; null where the configuration has none. */
function openDesk(
  { webrtc, agents }: Config,
  {
    calls,
    engine,
    journal,
    clock,
  }: {
    readonly calls: CallManager;
    readonly engine: MediaEngine;
    readonly journal: CallJournal;
    readonly clock: Clock;
  },
): BrowserCalls | null {
  if (!webrtc.enabled) return null;
  return new BrowserCalls({
    engine,
    admit: (agent, caller, past) => calls.admitBrowser(agent, caller, { transport: 'webrtc', past }),
    journal,
    agents: Object.keys(agents),
    maxCallsPerAddress: webrtc.maxCallsPerAddress,
    present: eventJsonForCaller,
    clock,
  });
}

function browserAccess({ webrtc }: Config, desk: BrowserCalls, clock: Clock): BrowserAccess {
  const { origins, sessionTokens, iceServers } = webrtc;
  return { desk, origins, sessionTokens, iceServers: () => iceServersFor(iceServers, clock.wallMs()) };
}

function openPbx(pbx: PbxConfig, clock: Clock, log: Logger): Pbx {
  switch (pbx.kind) {
    case 'asterisk': {
      const { name, ari, app } = pbx;
      return new AsteriskPbx({ name, ari, app, clock, log: log.child({ pbx: name }) });
    }
    case 'freeswitch': {
      const { name, esl, socket, app } = pbx;
      return new FreeSwitchPbx({ name, esl, socket, app, clock, log: log.child({ pbx: name }) });
    }
    default:
      return assertNever(pbx);
  }
}
