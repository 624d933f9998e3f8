// The gateway as this service sees it: operations by their hash, answers with their types.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import type { TypedDocumentString } from "./gateway_client/graphql.js";
import texts from "./gateway_client/persisted-documents.json" with { type: "json" };

/** The request as a whole was not answered. */
export class RefusedError extends Error {
  constructor(readonly codes: readonly string[], message: string, readonly retryAfterSeconds: number | null) {
    super(message);
  }
}

function idOf(document: TypedDocumentString<unknown, never>): string {
  const hash = document.__meta__?.["hash"];
  if (typeof hash !== "string") throw new Error("operations were generated without persistedDocuments");
  return hash;
}

export class Gateway {
  constructor(private readonly url: string, private readonly token: string | undefined) {}

  /** Sends the document's hash in place of its text. */
  async run<Result, Variables>(document: TypedDocumentString<Result, Variables>, variables: Variables): Promise<Result> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json",
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
      },
      body: JSON.stringify({ documentId: idOf(document as TypedDocumentString<unknown, never>), variables }),
    });
    const answer = (await response.json()) as {
      data?: Result | null;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
    if (answer.errors || !answer.data) {
      const errors = answer.errors ?? [{ message: `HTTP status ${response.status}` }];
      const wait = Number(response.headers.get("retry-after"));
      throw new RefusedError(
        errors.map((error) => error.extensions?.code ?? String(response.status)),
        errors.map((error) => error.message).join("; "),
        wait > 0 ? wait : null,
      );
    }
    return answer.data;
  }

  /** Events of a subscription, over a connection that is made again when it is lost. */
  async *events<Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): AsyncGenerator<Result> {
    const client = createClient({
      url: this.url.replace("http", "ws"),
      webSocketImpl: WebSocket,
      retryAttempts: Number.POSITIVE_INFINITY,
      shouldRetry: () => true,
      connectionParams: this.token ? { authorization: `Bearer ${this.token}` } : undefined,
    });
    try {
      // The protocol asks for the text: the very one in the manifest.
      const query = (texts as Record<string, string>)[idOf(document as TypedDocumentString<unknown, never>)]!;
      for await (const answer of client.iterate<Result>({ query, variables })) {
        if (answer.errors || !answer.data) {
          const errors = answer.errors ?? [];
          throw new RefusedError(errors.map((error) => String(error.extensions?.["code"])), String(errors[0]?.message), null);
        }
        yield answer.data;
      }
    } finally {
      await client.dispose();
    }
  }
}
