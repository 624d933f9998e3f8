// Talks to the gateway through graphql-ws; prints what came as one JSON line.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const client = createClient({
  url: process.argv[2],
  webSocketImpl: WebSocket,
  retryAttempts: 0,
  connectionParams: process.argv[3] ? { authorization: `Bearer ${process.argv[3]}` } : undefined,
});

function run(query, variables) {
  const got = [];
  return new Promise((resolve) => {
    client.subscribe(
      { query, variables },
      {
        next: (value) => got.push(value),
        complete: () => resolve(got),
        error: (error) =>
          resolve(Array.isArray(error) ? { errors: error } : { closed: error.code ?? String(error), reason: error.reason }),
      },
    );
  });
}

const outcomes = {
  subscription: await run("subscription($to: Int!) { count(to: $to) }", { to: 3 }),
  query: await run("{ quick }"),
  mutation: await run("mutation { write }"),
  invalid: await run("{ nothing }"),
  unparsable: await run("{"),
  broken: await run("subscription { broken }"),
};
console.log(JSON.stringify(outcomes));
await client.dispose();
