/** What ari-client needs to know of ARI, in Swagger 1.1 as Asterisk serves it; only what Linecard uses. */
type Parameter = readonly [name: string, place: 'path' | 'query' | 'body'];
type Operation = {
  readonly method: string;
  readonly path: string;
  readonly nickname: string;
  readonly reply: string;
  readonly parameters: readonly Parameter[];
};

const CHANNEL: Parameter = ['channelId', 'path'];
const BRIDGE: Parameter = ['bridgeId', 'path'];

const OPERATIONS: Readonly<Record<string, readonly Operation[]>> = {
  applications: [
    operation('PUT', '/applications/{applicationName}/eventFilter', 'filter', 'Application', [
      ['applicationName', 'path'],
      ['filter', 'body'],
    ]),
  ],
  asterisk: [operation('GET', '/asterisk/modules', 'listModules', 'List[Module]', [])],
  bridges: [
    operation('GET', '/bridges', 'list', 'List[Bridge]', []),
    operation('POST', '/bridges/{bridgeId}', 'createWithId', 'Bridge', [BRIDGE, ['type', 'query'], ['name', 'query']]),
    operation('DELETE', '/bridges/{bridgeId}', 'destroy', 'void', [BRIDGE]),
    operation('POST', '/bridges/{bridgeId}/addChannel', 'addChannel', 'void', [BRIDGE, ['channel', 'query']]),
  ],
  channels: [
    operation('GET', '/channels', 'list', 'List[Channel]', []),
    operation('GET', '/channels/{channelId}', 'get', 'Channel', [CHANNEL]),
    operation('GET', '/channels/{channelId}/rtp_statistics', 'rtpstatistics', 'RTPstat', [CHANNEL]),
    operation('DELETE', '/channels/{channelId}', 'hangup', 'void', [CHANNEL, ['reason', 'query']]),
    operation('POST', '/channels/{channelId}/ring', 'ring', 'void', [CHANNEL]),
    operation('POST', '/channels/{channelId}/answer', 'answer', 'void', [CHANNEL]),
    operation('POST', '/channels/{channelId}/moh', 'startMoh', 'void', [CHANNEL]),
    operation('DELETE', '/channels/{channelId}/moh', 'stopMoh', 'void', [CHANNEL]),
    operation('POST', '/channels/{channelId}/dtmf', 'sendDTMF', 'void', [
      CHANNEL,
      ['dtmf', 'query'],
      ['between', 'query'],
      ['duration', 'query'],
    ]),
    operation('GET', '/channels/{channelId}/variable', 'getChannelVar', 'Variable', [CHANNEL, ['variable', 'query']]),
    operation('POST', '/channels/{channelId}/continue', 'continueInDialplan', 'void', [
      CHANNEL,
      ['context', 'query'],
      ['extension', 'query'],
      ['priority', 'query'],
    ]),
    operation('POST', '/channels/{channelId}/variable', 'setChannelVar', 'void', [
      CHANNEL,
      ['variable', 'query'],
      ['value', 'query'],
    ]),
    operation('POST', '/channels/{channelId}', 'originateWithId', 'Channel', [
      CHANNEL,
      ['endpoint', 'query'],
      ['app', 'query'],
      ['callerId', 'query'],
      ['originator', 'query'],
      ['formats', 'query'],
      ['timeout', 'query'],
    ]),
    operation('POST', '/channels/{channelId}/snoop/{snoopId}', 'snoopChannelWithId', 'Channel', [
      CHANNEL,
      ['snoopId', 'path'],
      ['spy', 'query'],
      ['whisper', 'query'],
      ['app', 'query'],
    ]),
    operation('POST', '/channels/externalMedia', 'externalMedia', 'Channel', [
      ['channelId', 'query'],
      ['app', 'query'],
      ['external_host', 'query'],
      ['encapsulation', 'query'],
      ['transport', 'query'],
      ['format', 'query'],
      ['data', 'query'],
    ]),
  ],
  events: [],
};

const EVENT_MODELS = [
  'ApplicationReplaced',
  'ChannelDestroyed',
  'ChannelDtmfReceived',
  'ChannelHangupRequest',
  'ChannelHold',
  'ChannelUnhold',
  'ChannelVarset',
  'StasisEnd',
  'StasisStart',
];

/** The documents under `/ari/api-docs/`, by name; null for one that does not exist. */
export function describeAri(name: string, basePath: string): object | null {
  const head = { apiVersion: '10.0.0', swaggerVersion: '1.1', basePath };
  if (name === 'resources') {
    const apis = Object.keys(OPERATIONS).map((resource) => ({
      path: `/api-docs/${resource}.{format}`,
      description: '',
    }));
    return { ...head, apis };
  }
  const operations = OPERATIONS[name];
  if (operations === undefined) return null;
  return {
    ...head,
    resourcePath: `/api-docs/${name}.{format}`,
    apis: operations.map((each) => ({ path: each.path, operations: [toSwagger(each)] })),
    models: name === 'events' ? Object.fromEntries(EVENT_MODELS.map((model) => [model, toModel(model)])) : {},
  };
}

function operation(
  method: string,
  path: string,
  nickname: string,
  reply: string,
  parameters: readonly Parameter[],
): Operation {
  return { method, path, nickname, reply, parameters };
}

function toSwagger(each: Operation): object {
  return {
    httpMethod: each.method,
    nickname: each.nickname,
    responseClass: each.reply,
    parameters: each.parameters.map(([name, paramType]) => ({ name, paramType, dataType: 'string' })),
  };
}

function toModel(id: string): object {
  const channel = id === 'ApplicationReplaced' ? {} : { channel: { type: 'Channel' } };
  return { id, properties: { type: { type: 'string' }, application: { type: 'string' }, ...channel } };
}
