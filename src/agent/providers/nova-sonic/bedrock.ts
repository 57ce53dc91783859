import { setImmediate as otherCalls } from 'node:timers/promises';
import type * as Bedrock from '@aws-sdk/client-bedrock-runtime';
import type { Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import { EventMessages } from './event-message.js';
import type { Outbox } from './outbox.js';
import { SignedUplink } from './signed-uplink.js';

/** What the client needs to know. */
export type BedrockOptions = {
  readonly region: string;
  /** Another address than the region's; null: the region's. */
  readonly baseUrl: string | null;
  /** Null: as Amazon's tools find them (environment, profile, role of the machine). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  readonly clock: Clock;
};

/** Told of a stream by who runs it. */
export interface StreamListener {
  /** The model listens. */
  opened(): void;
  message(text: string): void;
}

/** Bidirectional streams at Amazon Bedrock: messages go up and come down as the JSON that the model speaks. */
export interface SonicStreams {
  /** Loads the client; rejects when it cannot. */
  prepare(): Promise<void>;
  /** Resolves when the stream has ended. Rejects with AGENT_UNAVAILABLE or AGENT_FAILED. */
  run(model: string, up: Outbox, signal: AbortSignal, listener: StreamListener): Promise<void>;
  close(): void;
}

type Client = {
  readonly client: Bedrock.BedrockRuntimeClient;
  readonly sdk: typeof Bedrock;
};

/** Amazon's client, loaded when an agent needs it: it takes a quarter of a second and 18 MB. */
export class BedrockStreams implements SonicStreams {
  readonly #options: BedrockOptions;
  #loaded: Promise<Client> | null = null;

  constructor(options: BedrockOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await this.#load();
  }

  async run(model: string, up: Outbox, signal: AbortSignal, listener: StreamListener): Promise<void> {
    const { client, sdk } = await this.#load();
    const command = new sdk.InvokeModelWithBidirectionalStreamCommand({ modelId: model, body: nothingByTheClient() });
    this.#sendBySelf(command, client, up);
    // The client tells of an answer only when its first event is there, which is when somebody has spoken.
    command.middlewareStack.add(
      (next) => async (input) => {
        const output = await next(input);
        if ((output.response as { readonly statusCode?: unknown }).statusCode === 200) listener.opened();
        return output;
      },
      { step: 'deserialize', priority: 'low', name: 'linecardOpened' },
    );
    try {
      const { body } = await client.send(command, { abortSignal: signal });
      for await (const { chunk } of body ?? []) {
        if (chunk?.bytes === undefined) continue;
        listener.message(Buffer.from(chunk.bytes).toString('utf8'));
        // A whole answer comes at once: other calls have their turns between its pieces.
        await otherCalls();
      }
    } catch (error) {
      throw bedrockError(error);
    }
  }

  close(): void {
    void this.#loaded?.then(({ client }) => client.destroy());
  }

  /** The client opens the stream and signs the request; what goes up in it is ours. */
  #sendBySelf(command: Bedrock.InvokeModelWithBidirectionalStreamCommand, client: Client['client'], up: Outbox): void {
    const { clock } = this.#options;
    command.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { readonly headers: Record<string, string>; body: unknown };
        const { secretAccessKey } = await client.config.credentials();
        const messages = new EventMessages({ ...scopeOf(request.headers['authorization'] ?? ''), secretAccessKey });
        request.body = new SignedUplink(up, messages, () => clock.wallMs() + client.config.systemClockOffset).body;
        return next(args);
      },
      // After the signing of the request.
      { step: 'finalizeRequest', priority: 'low', name: 'linecardUplink' },
    );
  }

  #load(): Promise<Client> {
    this.#loaded ??= this.#make();
    return this.#loaded;
  }

  async #make(): Promise<Client> {
    const { region, baseUrl, credentials } = this.#options;
    const sdk = await import('@aws-sdk/client-bedrock-runtime');
    const config: Bedrock.BedrockRuntimeClientConfig = {
      region,
      // Another try is the media session's to make.
      maxAttempts: 1,
      // Without one it writes to the console.
      logger: SILENT,
      eventStreamPayloadHandlerProvider: () => ({ handle: (next, args) => next(args) }),
      ...(baseUrl === null ? {} : { endpoint: baseUrl }),
      ...(credentials === null ? {} : { credentials }),
    };
    return { sdk, client: new sdk.BedrockRuntimeClient(config) };
  }
}

async function* nothingByTheClient(): AsyncGenerator<never> {
  // It asks for a body, and ours takes its place.
}

/** What a request was signed for, by its header ("Signature Version 4", `Authorization`). */
function scopeOf(authorization: string): { region: string; service: string; priorSignature: string } {
  const parts = /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\/aws4_request.*Signature=([0-9a-f]+)$/.exec(authorization);
  if (parts === null)
    throw new LinecardError('AGENT_UNAVAILABLE', 'Bedrock takes signed streams only: no key was found');
  const [, region = '', service = '', priorSignature = ''] = parts;
  return { region, service, priorSignature };
}

const nothing = (): void => undefined;
const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Another try now brings nothing, another agent may. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredTokenException',
  'ResourceNotFoundException',
  'ServiceQuotaExceededException',
  'ThrottlingException',
  'UnrecognizedClientException',
]);

/** The client's errors hold the request with its signature: only name and message are ours to tell. */
function bedrockError(thrown: unknown): LinecardError {
  if (thrown instanceof LinecardError) return thrown;
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = UNAVAILABLE.has(name) ? 'AGENT_UNAVAILABLE' : 'AGENT_FAILED';
  return new LinecardError(code, `Bedrock says: ${name}: ${message.slice(0, 300)}`);
}
