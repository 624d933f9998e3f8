// Composes the gateway at the address given with the second subgraph, whose tasks are known by the fields of the key
// given, then answers the operations that come on standard input, a JSON array of {query, variables}, with a JSON array
// of {data, errors, datasetsRequests}.
import { ApolloGateway, IntrospectAndCompose, RemoteGraphQLDataSource } from "@apollo/gateway";
import { parse } from "graphql";
import { text } from "node:stream/consumers";
import { serveDatasets } from "./datasets.mjs";

const [, , gatewayUrl, key] = process.argv;
const quiet = { debug() {}, info() {}, warn() {}, error: (...words) => console.error(...words) };

const datasets = await serveDatasets(key);
const router = new ApolloGateway({
  logger: quiet,
  supergraphSdl: new IntrospectAndCompose({
    subgraphs: [
      { name: "tasks", url: gatewayUrl },
      { name: "datasets", url: datasets.url },
    ],
  }),
  buildService: ({ url }) => new RemoteGraphQLDataSource({ url }),
});

const { schema, executor } = await router.load();

async function answer({ query, variables = {} }) {
  datasets.counted.requests = 0;
  const { data = null, errors = [] } = await executor({
    request: { query, variables, http: { headers: new Map() } },
    document: parse(query),
    schema,
    queryHash: query,
    operationName: null,
    context: {},
    metrics: {},
    logger: quiet,
    cache: new Map(),
  });
  return { data, errors: errors.map((error) => error.toJSON()), datasetsRequests: datasets.counted.requests };
}

const answers = [];
for (const operation of JSON.parse(await text(process.stdin))) answers.push(await answer(operation));
process.stdout.write(JSON.stringify(answers));
await router.stop();
datasets.close();
