// The public rules for GraphQL schemas, on the schema as served.
import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // What is no Node has no identity: statuses, events, payloads, errors, edges.
      "@graphql-eslint/strict-id-in-types": "off",
      // Edges are found by their connections; the rule wants every type ending in Edge to implement Node as well.
      "@graphql-eslint/relay-edge-types": ["error", { shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false, withEdgeSuffix: true }],
      // Lists go forward only: no backend can be read from its end.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // taskId of a task reference, campaignId of a campaign: the backends' own words for their ids.
      "@graphql-eslint/no-typename-prefix": "off",
    },
  },
];
