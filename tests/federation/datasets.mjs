// A second subgraph, small on purpose: data sets that hold tasks, who owns each, and what campaigns and requests cost.
import { createServer } from "node:http";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { graphql, parse } from "graphql";

const typeDefs = (key) => parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])

  type Query {
    dataset(tasks: [TaskKey!]!): Dataset
    invoice(annotationRequestId: ID, campaignName: String): Invoice
  }

  type Invoice {
    annotationRequest: AnnotationRequest
    campaign: Campaign
  }

  type AnnotationRequest @key(fields: "annotationRequestId") {
    annotationRequestId: ID!
    budget: String
  }

  type Campaign @key(fields: "name") {
    name: String!
    sponsor: String
  }

  input TaskKey {
    id: ID
    scaleTaskId: ID
    campaignId: ID
    annotationRequestId: ID
    sceneId: ID
  }

  type Dataset {
    tasks: [Task]
    pageInfo: PageInfo!
  }

  type PageInfo @shareable {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }

  type Task @key(fields: "${key}") {
    ${key.split(" ").map((field) => `${field}: ${field === "id" ? "ID!" : "ID"}`).join("\n    ")}
    owner: String
  }
`);

const ownerOf = (task) => `owner of ${task.id ?? task.scaleTaskId ?? task.sceneId}`;

const resolvers = {
  Query: {
    dataset: (_, { tasks }) => ({ tasks, pageInfo: { hasNextPage: false, hasPreviousPage: false } }),
    invoice: (_, { annotationRequestId, campaignName }) => ({
      annotationRequest: annotationRequestId && { annotationRequestId },
      campaign: campaignName && { name: campaignName },
    }),
  },
  AnnotationRequest: {
    __resolveReference: (request) => request,
    budget: (request) => `budget of ${request.annotationRequestId}`,
  },
  Campaign: { __resolveReference: (campaign) => campaign, sponsor: (campaign) => `sponsor of ${campaign.name}` },
  Task: { __resolveReference: (task) => task, owner: ownerOf },
};

/**
 * Serves the subgraph on a free port of loopback. Its tasks are known by the fields of `key`; `requests` counts what
 * the router has asked.
 */
export async function serveDatasets(key) {
  const schema = buildSubgraphSchema([{ typeDefs: typeDefs(key), resolvers }]);
  const counted = { requests: 0 };
  const server = createServer(async (request, response) => {
    counted.requests += 1;
    let body = "";
    for await (const part of request) body += part;
    const { query, variables, operationName } = JSON.parse(body);
    const answer = await graphql({ schema, source: query, variableValues: variables, operationName });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/graphql`, counted, close: () => server.close() };
}
