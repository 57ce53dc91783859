import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/index.js';
import { printConfig, readConfigObject, readConfigText } from '../../src/config/index.js';

const DOCUMENTED_EXAMPLE = `
http:        { host: 127.0.0.1, port: 8080, token: \${LINECARD_TOKEN} }   # no token: one is made, kept in dataDir, mode 0600
dataDir:     ./data
audiosocket: { host: 127.0.0.1, port: 9092, allow: [127.0.0.0/8], direct: receptionist }
media:       { threads: 1 }
pbx:
  - { kind: asterisk,   name: main,  ari: { url: "http://127.0.0.1:8088", username: linecard, password: \${ARI_PASSWORD} }, app: linecard }
  - { kind: freeswitch, name: fs,    esl: { host: 127.0.0.1, port: 8021, password: ClueCon }, unicast: { host: 127.0.0.1, ports: [20000, 20999] } }
agents:
  receptionist: { provider: embedded, greeting: "Thank you for calling Acme.", tools: [transfer, take_message, hours, hangup] }
  loop:         { provider: echo }            # echoes the caller frame by frame: for measuring
extensions:
  "7000": { agent: receptionist, fallback: "6001" }
  "7009": { agent: loop }
destinations:                                  # the only places an agent may send a caller
  sales:   { dial: "6001", label: "Sales" }
  support: { dial: "6002", label: "Support" }
webrtc:      { enabled: true, iceServers: [], icePolicy: all, origins: ["http://127.0.0.1:8080"] }
`;

const FREESWITCH = 'pbx: [{ kind: freeswitch, name: fs, esl: { password: p }';

describe('a good configuration', () => {
  it('is read as the documentation shows it', () => {
    const config = good(DOCUMENTED_EXAMPLE, { LINECARD_TOKEN: 'secret-token', ARI_PASSWORD: 'pa:ss} #word' });
    expect(config.http).toEqual({ host: '127.0.0.1', port: 8080, token: 'secret-token', proxies: [] });
    expect(config.dataDir).toBe('/home/linecard/data');
    expect(config.audiosocket.direct).toBe('receptionist');
    expect(config.pbx).toEqual([
      {
        kind: 'asterisk',
        name: 'main',
        ari: { url: 'http://127.0.0.1:8088', username: 'linecard', password: 'pa:ss} #word' },
        app: 'linecard',
      },
      {
        kind: 'freeswitch',
        name: 'fs',
        esl: { host: '127.0.0.1', port: 8021, password: 'ClueCon' },
        unicast: { host: '127.0.0.1', ports: [20_000, 20_999] },
        socket: { host: '127.0.0.1', port: 8084 },
        app: 'linecard',
      },
    ]);
    expect(config.extensions).toEqual({
      '7000': { agent: 'receptionist', fallback: '6001' },
      '7009': { agent: 'loop' },
    });
    expect(config.webrtc.enabled).toBe(true);
  });

  it('may be empty: every default is safe', () => {
    const config = good('# nothing yet\n');
    expect(config.http).toEqual({ host: '127.0.0.1', port: 8080, proxies: [] });
    expect(config.audiosocket).toEqual({ host: '127.0.0.1', port: 9092, allow: ['127.0.0.0/8'] });
    expect(config.media.threads).toBe(1);
    expect(config.webrtc).toEqual({
      enabled: false,
      iceServers: [],
      icePolicy: 'all',
      origins: [],
      sessionTokens: 'optional',
      context: 'from-internal',
      maxCalls: 100,
      maxCallsPerAddress: 10,
    });
    expect(config.pbx).toEqual([]);
  });

  it('may have keys with nothing behind them, as when all entries are comments', () => {
    expect(good('pbx:\nextensions:\n  # "7000": { agent: x }\nhttp:\n').pbx).toEqual([]);
  });

  it('keeps text that looks like a number as it is written', () => {
    const config = good(
      'pbx: [{ kind: asterisk, name: main, ari: { url: "http://pbx:8088", username: 007, password: 0123 } }]\n' +
        'destinations: { sales: { dial: 06001 } }',
    );
    expect(config.pbx[0]).toMatchObject({ ari: { username: '007', password: '0123' } });
    expect(config.destinations['sales']).toEqual({
      dial: '06001',
      then: [],
      otherwise: 'agent',
      label: 'sales',
      mode: 'blind',
    });
  });

  it('takes $${ for ${ and leaves references in comments alone', () => {
    const config = good('agents: { a: { provider: embedded, greeting: "It costs $${5}." } } # ${NOT_SET}');
    expect(config.agents['a']?.greeting).toBe('It costs ${5}.');
  });

  it('takes anchors', () => {
    const config = good('destinations:\n  sales: &desk { dial: "6001" }\n  support: *desk');
    expect(config.destinations['support']?.dial).toBe('6001');
  });

  it('takes agents that live elsewhere, with their defaults', () => {
    const config = good(
      `agents:
  clara: { provider: openai-realtime, apiKey: \${OPENAI_API_KEY} }
  mybot: { provider: media-streams, url: "ws://127.0.0.1:9000/media", parameters: { tenant: acme } }
  remote: { provider: websocket, url: "ws://127.0.0.1:9001/agent", token: tok-test }`,
      { OPENAI_API_KEY: 'sk-test' },
    );
    expect(config.agents['clara']).toEqual({
      handover: [],
      turns: { greeting: 'interruptible', vad: 'webrtc' },
      filler: { afterMs: 1200, tone: false },
      limits: { say: expect.any(String) as string },
      prices: { input: 0, output: 0 },
      provider: 'openai-realtime',
      apiKey: 'sk-test',
      baseUrl: 'https://api.openai.com/v1',
      model: 'gpt-realtime',
      voice: 'marin',
      turnDetection: 'server_vad',
      audio: 'pcm',
      transcription: 'gpt-4o-mini-transcribe',
      echoGuard: false,
      tools: ['transfer', 'take_message', 'hours', 'hangup'],
    });
    expect(config.agents['mybot']).toMatchObject({ parameters: { tenant: 'acme' }, tools: [] });
    expect(config.agents['remote']).toMatchObject({ turnTaking: 'linecard', parameters: {} });
    expect(printConfig(config)).not.toMatch(/sk-test|tok-test/);
  });

  it('takes an agent made of parts, with defaults and secrets in each', () => {
    const config = good(`agents:
  mixed:
    provider: pipeline
    stt: { provider: openai-compatible, baseUrl: "http://127.0.0.1:8000/v1", model: whisper, apiKey: tok-stt }
    llm: { provider: anthropic, apiKey: tok-llm, model: claude, temperature: 0.3 }
    tts: { provider: openai-compatible, baseUrl: "http://127.0.0.1:8880/v1", model: kokoro, voice: af_sky }`);
    expect(config.agents['mixed']).toMatchObject({
      stt: { model: 'whisper' },
      llm: { provider: 'anthropic', temperature: 0.3, maxOutputTokens: 1000 },
      tts: { voice: 'af_sky', sampleRateHz: 24_000 },
      filler: { afterMs: 1200 },
    });
    expect(printConfig(config)).not.toMatch(/tok-stt|tok-llm/);
  });

  it('takes tools of the admin, with secrets that nobody sees and numbers that are numbers', () => {
    const config = good(
      `tools:
  order_status:
    kind: http
    description: Tells where an order is.
    input:
      properties:
        order: { type: string, pattern: "^[0-9]{6}$", maxLength: 6 }
        lines: { type: array, maxItems: 3, items: { type: integer, minimum: 1 } }
      required: [order]
    url: "https://erp.example.com/orders/{order}?call={call.id}"
    headers: { Authorization: "Bearer \${ERP_TOKEN}" }
agents: { a: { provider: embedded, tools: [order_status, hangup] } }`,
      { ERP_TOKEN: 'tok-erp' },
    );
    expect(config.tools['order_status']).toEqual({
      kind: 'http',
      description: 'Tells where an order is.',
      input: {
        type: 'object',
        properties: {
          order: { type: 'string', pattern: '^[0-9]{6}$', maxLength: 6 },
          lines: { type: 'array', maxItems: 3, items: { type: 'integer', minimum: 1 } },
        },
        required: ['order'],
      },
      method: 'GET',
      url: 'https://erp.example.com/orders/{order}?call={call.id}',
      headers: { Authorization: 'Bearer tok-erp' },
      timeLimitMs: 5000,
      allowNetworks: [],
    });
    expect(printConfig(config)).not.toContain('tok-erp');
  });

  it('gives the embedded agent every tool unless it is given a list', () => {
    const config = good('agents:\n  a: { provider: embedded }\n  b: { provider: embedded, tools: [hangup] }');
    expect(config.agents['a']?.tools).toEqual(['transfer', 'take_message', 'hours', 'hangup']);
    expect(config.agents['b']?.tools).toEqual(['hangup']);
  });

  it('is overridden by the environment, where empty means not set', () => {
    const env = { LINECARD_HTTP_PORT: '18080', LINECARD_AUDIOSOCKET_PORT: '', LINECARD_DATA_DIR: 'run/data' };
    const config = good('audiosocket: { port: 9100 }', env);
    expect([config.http.port, config.audiosocket.port]).toEqual([18080, 9100]);
    expect(config.dataDir).toBe('/home/linecard/run/data');
  });

  it('can be made by code', () => {
    const reading = readConfigObject(
      { http: { port: 0 }, agents: { a: { provider: 'echo' } }, extensions: { 7009: { agent: 'a' } } },
      { env: {}, cwd: '/' },
    );
    expect(reading).toMatchObject({ ok: true, config: { http: { port: 0 }, extensions: { '7009': { agent: 'a' } } } });
  });
});

describe('a configuration with mistakes', () => {
  it('has all of them listed, each with line, path, what is allowed and the nearest name', () => {
    const text = `
http: { prot: 8080 }
media: { threads: two }
agents:
  receptionist: { provider: embeded }
extensions:
  "7000": { agent: receptionst }
`;
    expect(mistakes(text).sort()).toEqual([
      '2 http.prot: unknown key (did you mean "port"?); the keys here are host, port, token, proxies',
      '3 media.threads: "two" must be a number of threads from 0 to 64',
      '5 agents.receptionist.provider: "embeded" must be one of embedded, deepgram-agent, echo, elevenlabs-agent, gemini-live, media-streams, nova-sonic, openai-realtime, pipeline, websocket (did you mean "embedded"?)',
      '7 extensions.7000.agent: there is no agent "receptionst" (did you mean "receptionist"?); agents are receptionist',
    ]);
  });

  it.each([
    ['http: { port: 65536 }', 'http.port: "65536" must be a port, a whole number from 0 to 65535'],
    ['http: { host: 1.2.3.400 }', 'http.host: "1.2.3.400" must be an IP address or a host name, without port'],
    ['http: here', 'http: must be a block with the keys host, port, token, proxies'],
    ['http: { token: "with space" }', 'http.token: the value must be letters, digits and . _ ~ + / - ='],
    [
      'audiosocket: { allow: [10.0.0.0/33] }',
      'audiosocket.allow[0]: "10.0.0.0/33" must be an IP address or a network such as 192.0.2.0/24',
    ],
    ['audiosocket: { allow: 127.0.0.1 }', 'audiosocket.allow: must be a list, such as [127.0.0.0/8, 192.0.2.7]'],
    ['audiosocket: { port: 8080 }', 'audiosocket.port: 8080 is the port of http already'],
    [
      'pbx: [{ kind: freeswich, name: fs }]',
      'pbx[0].kind: "freeswich" must be one of asterisk, freeswitch (did you mean "freeswitch"?)',
    ],
    ['pbx: [{ name: fs }]', 'pbx[0].kind: is missing; it must be one of asterisk, freeswitch'],
    [
      'pbx: [{ kind: freeswitch, name: fs, esl: {} }]',
      'pbx[0].esl.password: is missing; it must be a text of 1 to 200 characters',
    ],
    [
      `${FREESWITCH}, unicast: { host: 0.0.0.0 } }]`,
      'pbx[0].unicast.host: "0.0.0.0" must be the IPv4 address of this machine that FreeSWITCH sends to',
    ],
    [
      `${FREESWITCH}, unicast: { ports: [20001, 20002] } }]`,
      'pbx[0].unicast.ports: must hold an even port and the odd one above it: a call needs both',
    ],
    [`${FREESWITCH}, socket: { port: 9092 } }]`, 'pbx[0].socket.port: 9092 is the port of audiosocket already'],
    [
      'agents: { a: { provider: elevenlabs-agent } }',
      'agents.a.agentId: is missing; it must be a text of 1 to 100 characters',
    ],
    [
      'agents: { a: { provider: deepgram-agent, apiKey: k, llm: { provider: openal } } }',
      'agents.a.llm.provider: "openal" must be one of openai, anthropic, google (did you mean "openai"?)',
    ],
    ['agents: { a: { provider: nova-sonic } }', 'agents.a.region: is missing; it must be a region such as us-east-1'],
    [
      'agents: { a: { provider: nova-sonic, region: us-east-1, accessKeyId: AK } }',
      'agents.a.secretAccessKey: is missing; it must be the secret of the key, or neither is there',
    ],
    [
      'agents: { a: { provider: echo, tools: transfer } }',
      'agents.a.tools: must be a list, such as [transfer, hangup]',
    ],
    [
      'agents: { a: { provider: echo, voice: { x: 1 } } }',
      'agents.a.voice: must be a text of 1 to 100 characters, not a block',
    ],
    [
      'agents: { a: { provider: echo, tools: [transfre] } }',
      'agents.a.tools[0]: there is no tool "transfre" (did you mean "transfer"?); tools are transfer, take_message, hours, hangup, hold, send_digits, collect_digits, call_back, note',
    ],
    [
      'tools: { hours: { kind: http, description: d, url: "https://x.example.com/" } }',
      'tools.hours: this name is taken: it is a tool that every agent may have',
    ],
    [
      'tools: { t: { kind: http, description: d, url: "https://{call.id}.example.com/" } }',
      'tools.t.url: "https://{call.id}.example.com/" must be a URL such as https://erp.example.com/orders/{order}, without user and password, with placeholders behind the host only',
    ],
    [
      'tools: { t: { kind: http, description: d, url: "https://x.example.com/{order}", input: { properties: { ordr: { type: string } } } } }',
      'tools.t.url: has a placeholder that is none of {ordr}, {call.id}, {call.extension}, {caller.number}, {caller.name}',
    ],
    [
      'agents: { a: { provider: echo, greeting: "Hello {{caller.nmae}}" } }',
      'agents.a.greeting: has {{caller.nmae}}, which nothing stands for (did you mean "caller.name"?); known are caller.number, caller.name, call.extension, call.date, call.time, call.weekday, hours.state, hours.text and var.<name of the dialplan>',
    ],
    [
      'agents: { clara: { provider: echo, handover: [clar] } }',
      'agents.clara.handover[0]: there is no agent "clar" (did you mean "clara"?); agents are clara',
    ],
    [
      'tools: { t: { kind: mcp } }',
      'tools.t.command: is missing; a server of tools has either command (a program to start) or url',
    ],
    [
      'tools: { t: { kind: mcp, command: x, url: "https://x.example.com/mcp" } }',
      'tools.t.command: must not be there beside url; a server of tools has either command (a program to start) or url',
    ],
    [
      'tools: { t: { kind: mcp, url: "https://x.example.com/mcp", env: { A: b } } }',
      'tools.t.env: is for a program that is started: it goes with command',
    ],
    [
      'tools: { t: { kind: http, description: d, url: "https://x.example.com/", body: "{" } }',
      'tools.t.body: "{" must be JSON, such as {"order": "{order}"}',
    ],
    [
      'tools: { t: { kind: http, description: d, url: "https://x.example.com/", input: { properties: { a: { type: string, pattern: "(" } } } } }',
      'tools.t.input.properties.a.pattern: "(" must be a regular expression',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { provider: wyoming, baseUrl: "http://127.0.0.1:10300" }, llm: { baseUrl: "http://127.0.0.1/v1", model: m }, tts: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10200" } } }',
      'agents.a.stt.baseUrl: must be a URL such as tcp://127.0.0.1:10300 for this provider',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10300" }, llm: { baseUrl: "http://127.0.0.1/v1", model: m }, tts: { baseUrl: "http://127.0.0.1/v1" } } }',
      'agents.a.tts.model: is missing; it must be the name of a model of the server',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { model: m }, llm: { baseUrl: "http://127.0.0.1/v1", model: m }, tts: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10200" } } }',
      'agents.a.stt.baseUrl: is missing; it must be a URL such as http://127.0.0.1:8000/v1',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { provider: deepgram }, llm: { baseUrl: "http://127.0.0.1/v1", model: m }, tts: { provider: deepgram, apiKey: k } } }',
      'agents.a.stt.apiKey: is missing; it must be a key of deepgram',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { provider: elevenlabs, apiKey: k }, llm: { baseUrl: "http://127.0.0.1/v1", model: m }, tts: { provider: elevenlabs, apiKey: k } } }',
      'agents.a.tts.voice: is missing; it must be the id of a voice of elevenlabs',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10300" }, llm: { model: m }, tts: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10200" } } }',
      'agents.a.llm.baseUrl: is missing; it must be a URL such as http://127.0.0.1:11434/v1',
    ],
    [
      'agents: { a: { provider: pipeline, stt: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10300" }, llm: { provider: google, model: m }, tts: { provider: wyoming, baseUrl: "tcp://127.0.0.1:10200" } } }',
      'agents.a.llm.apiKey: is missing; it must be a key of google',
    ],
    ['agents: { a: { provider: echo, backup: a } }', 'agents.a.backup: backups go in a circle: a -> a'],
    [
      'destinations: { sales: {} }',
      'destinations.sales.dial: is missing; it must be an extension: digits, letters, * # + - _ and . only',
    ],
    [
      'destinations: { sales: { dial: "6001&6002" } }',
      'destinations.sales.dial: "6001&6002" must be an extension: digits, letters, * # + - _ and . only',
    ],
    [
      'destinations: { fallback: { dial: 1 } }',
      "destinations.fallback: this name is taken: it means the extension's fallback",
    ],
    [
      'hours: { timezone: Europe/Berln, open: [] }',
      'hours.timezone: "Europe/Berln" must be an IANA time zone such as Europe/Berlin (did you mean "Europe/Berlin"?)',
    ],
    [
      'hours: { timezone: UTC, open: [{ days: [], from: "09:00", to: "17:00" }] }',
      'hours.open[0].days: must name at least one day',
    ],
    ['webrtc: { enabled: yes }', 'webrtc.enabled: "yes" must be true or false'],
    ['webrtc: { ports: 40000 }', 'webrtc.ports: must be the first and the last port, such as [40000, 40999]'],
    ['webrtc: { ports: [2, 1] }', 'webrtc.ports: must be the first and the last port, the smaller one first'],
    ['webrtc: { announce: example.com }', 'webrtc.announce: "example.com" must be an IP address'],
  ])('says of %s', (text, expected) => {
    expect(mistakes(text)).toEqual([`1 ${expected}`]);
  });

  it('has numbers that cost money told, unless their prefix is allowed', () => {
    const text =
      'agents: { a: { provider: echo } }\ndestinations: { abroad: { dial: "+4930123456", then: ["09001234567"] } }';
    expect(mistakes(text)).toEqual([
      '2 destinations.abroad.dial: "+4930123456" looks like an international number; if callers may be sent there, add its prefix to transfers.allow',
      '2 destinations.abroad.then[0]: "09001234567" looks like a premium number; if callers may be sent there, add its prefix to transfers.allow',
    ]);
    expect(good(`${text}\ntransfers: { allow: ["+49", "0900"] }`).transfers.allow).toEqual(['+49', '0900']);
  });

  it('has fallbacks that cannot work told', () => {
    const text = `
agents: { a: { provider: echo } }
extensions:
  "7000": { agent: a, fallback: "7001" }
  "7001": { agent: a, fallback: "7000" }
  "7002": { agent: a, fallback: sales }
destinations: { sales: { dial: "6001" } }
`;
    expect(mistakes(text)).toEqual([
      "4 extensions.7000.fallback: fallbacks go in a circle: 7000 -> 7001 -> 7000; a fallback must be somebody else's extension",
      '6 extensions.7002.fallback: must be an extension of the PBX, not a destination; destination "sales" dials "6001"',
    ]);
  });

  it('has a name that two PBXs bear told at the second', () => {
    const pbx = '- { kind: asterisk, name: main, ari: { url: "http://127.0.0.1:8088", username: u, password: p } }';
    expect(mistakes(`pbx:\n  ${pbx}\n  ${pbx}`)).toEqual(['3 pbx[1].name: "main" is the name of pbx[0] already']);
  });

  it('has ports that two FreeSWITCHes share told at the second', () => {
    const pbx = (name: string, port: number): string =>
      `- { kind: freeswitch, name: ${name}, esl: { password: p }, socket: { port: ${port} } }`;
    expect(mistakes(`pbx:\n  ${pbx('a', 8084)}\n  ${pbx('b', 8084)}`).sort()).toEqual([
      '3 pbx[1].socket.port: 8084 is the port of pbx[0].socket already',
      '3 pbx[1].unicast.ports: [20000, 20999] overlaps with those of pbx[0]: each FreeSWITCH needs ports of its own',
    ]);
  });

  it('has a variable that is not set named once, without what follows from it', () => {
    expect(mistakes('http: { token: ${NO_TOKEN}, port: ${NO_PORT} }')).toEqual([
      '1 http.token: the environment variable NO_TOKEN is not set',
      '1 http.port: the environment variable NO_PORT is not set',
    ]);
    expect(mistakes('agents: { a: { provider: echo, greeting: "${no name}" } }')).toEqual([
      '1 agents.a.greeting: "${" must be followed by the name of an environment variable and "}"; write "$${" for the characters',
    ]);
  });

  it('has bad variables of the environment told like the rest', () => {
    expect(mistakes('http: { port: 1 }', { LINECARD_HTTP_PORT: 'eighty', LINECARD_SIP_PORT: '70000' })).toEqual([
      '- LINECARD_HTTP_PORT: "eighty" must be a port, a whole number from 0 to 65535',
      '- LINECARD_SIP_PORT: "70000" must be a port, a whole number from 0 to 65535',
    ]);
  });

  it('never shows a secret', () => {
    const text = 'pbx: [{ kind: asterisk, name: m, ari: { url: "http://me:hidden@pbx", username: u, password: "" } }]';
    const found = mistakes(text).join();
    expect(found).toContain('pbx[0].ari.url');
    expect(found).not.toContain('hidden');
  });

  it('has what YAML cannot read told with its line', () => {
    expect(mistakes('http:\n\tport: 8080')).toEqual(['2 a tab cannot indent in YAML: use spaces']);
    expect(mistakes('http: { port: 1 }\nmedia: {}\nhttp: { port: 2 }')).toEqual([
      '3 this key is there twice: remove one of them',
    ]);
    expect(mistakes('agents: { a: [ }')[0]).toMatch(/^1 is no valid YAML here: /);
  });

  it('cannot reach the prototype of anything', () => {
    expect(mistakes('__proto__: { http: 1 }')[0]).toContain('__proto__: unknown key');
    const text = 'agents: { constructor: { provider: echo } }\nextensions: { "7000": { agent: toString } }';
    expect(mistakes(text)).toEqual(['2 extensions.7000.agent: there is no agent "toString"; agents are constructor']);
  });

  it('is refused when anchors make it huge', () => {
    const levels = Array.from({ length: 12 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [x, x, x, x, x, x]'
        : `a${i}: &a${i} [${Array(6)
            .fill(`*a${i - 1}`)
            .join(', ')}]`,
    );
    expect(mistakes(levels.join('\n')).some((mistake) => mistake.includes('too large'))).toBe(true);
  });
});

function good(text: string, env: Record<string, string> = {}): Config {
  const reading = readConfigText(text, { env, cwd: '/home/linecard' });
  if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
  return reading.config;
}

/** Each as `line path: message`. */
function mistakes(text: string, env: Record<string, string> = {}): string[] {
  const reading = readConfigText(text, { env, cwd: '/home/linecard' });
  if (reading.ok) throw new Error('no mistake was found');
  return reading.mistakes.map(
    ({ line, path, message }) => `${line ?? '-'} ${path === '' ? '' : `${path}: `}${message}`,
  );
}
