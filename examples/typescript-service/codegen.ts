import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema/schema.graphql",
  documents: "operations/*.graphql",
  generates: {
    "gateway_client/": {
      preset: "client",
      presetConfig: {
        fragmentMasking: false,
        // Writes persisted-documents.json: what the gateway's GATEWAY_TRUSTED_DOCUMENTS points to.
        persistedDocuments: { hashAlgorithm: "sha256" },
      },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        documentMode: "string",
        strictScalars: true,
        scalars: { DateTime: "string", JSON: "unknown", URL: "string" },
      },
    },
  },
};

export default config;
