// Talks to the gateway through graphql-sse, distinct connections; prints what came as one JSON line.
import { createClient } from "graphql-sse";

const client = createClient({ url: process.argv[2], retryAttempts: 0 });

function run(query) {
  const got = [];
  return new Promise((resolve) => {
    client.subscribe(
      { query },
      { next: (value) => got.push(value), complete: () => resolve(got), error: (error) => resolve({ error: String(error) }) },
    );
  });
}

const outcomes = {
  subscription: await run("subscription { count(to: 3) }"),
  query: await run("{ quick }"),
  mutation: await run("mutation { write }"),
  invalid: await run("{ nothing }"),
  broken: await run("subscription { broken }"),
};

// Leaving early must end the subscription behind it.
const iterator = client.iterate({ query: "subscription { silence }" });
setTimeout(() => iterator.return(), 300);
for await (const _ of iterator) break;
console.log(JSON.stringify(outcomes));
client.dispose();
