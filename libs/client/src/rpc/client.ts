// A client of one router, over whatever connection it was given.

import { RouterService } from "@chimera/contracts/router";
import { createClient as createRpcClient } from "@connectrpc/connect";
import type { AnswerStream } from "../answer-stream.ts";
import { ChimeraClientError, cancelled } from "../error.ts";
import { type CallOptions, type CommonOptions, checkOptions } from "../options.ts";
import type { GenerateInput } from "../request.ts";
import { RetryPolicy, toRetrySettings } from "../retry.ts";
import type { Stats } from "../stats.ts";
import { type Chat, type ChatOptions, openChat } from "./chat.ts";
import type { Connection } from "./connection.ts";
import { generate } from "./generate.ts";
import { type HealthOptions, type HealthStatus, health } from "./health.ts";
import { realSurroundings, type Shared, type Surroundings } from "./surroundings.ts";
import { type WatchOptions, watchStats } from "./watch-stats.ts";

/** What works wherever JavaScript runs. */
export interface WebClient extends AsyncDisposable {
  /** One answer. The call begins at once. */
  generate(input: GenerateInput, options?: CallOptions): AnswerStream;
  /** What the router measures, now and then once per interval. Leaving the loop ends it. */
  watchStats(options?: WatchOptions): AsyncIterable<Stats>;
  /** Throws where the router can not be asked. */
  health(options?: HealthOptions): Promise<HealthStatus>;
  /** Opens the connection ahead, so that the first answer does not wait for it and its TTFT does not contain it. */
  connect(): Promise<void>;
  /** Cancels what is running and closes the connection. */
  close(): void;
}

export interface ChimeraClient extends WebClient {
  /** A conversation on one stream, whose history the router keeps. */
  chat(options?: ChatOptions): Chat;
}

export interface Setup {
  options: CommonOptions;
  connection: Connection;
  surroundings?: Surroundings;
}

/** Throws INVALID_ARGUMENT where the options do not fit together. */
export function clientOn({ options, connection, surroundings = realSurroundings }: Setup): ChimeraClient {
  checkOptions(options);
  const retry = new RetryPolicy(toRetrySettings(options.retry), surroundings.random);
  let isClosed = false;
  const shared: Shared = {
    ...surroundings,
    ...{ options, connection, retry, live: new Set() },
    async router() {
      if (isClosed) throw new ChimeraClientError("FAILED_PRECONDITION", "the client was closed");
      return createRpcClient(RouterService, await connection.transport());
    },
  };
  const close = () => {
    isClosed = true;
    for (const scope of [...shared.live]) scope.abort(cancelled("the client was closed"));
    connection.close();
  };
  return {
    generate: (input, callOptions) => generate(shared, input, callOptions),
    chat: (chatOptions) => openChat(shared, chatOptions),
    watchStats: (watchOptions) => watchStats(shared, watchOptions),
    health: (healthOptions) => health(shared, healthOptions),
    // Whatever the transport, an answer to this has gone over the connection that the next call uses.
    connect: async () => void (await health(shared)),
    close,
    [Symbol.asyncDispose]: async () => close(),
  };
}
