// Runs every public GraphQL-over-HTTP audit against a server and prints the outcomes as one JSON line.
import { serverAudits } from "graphql-http";

const outcomes = [];
for (const audit of serverAudits({ url: process.argv[2] })) {
  const result = await audit.fn();
  outcomes.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? null });
}
console.log(JSON.stringify(outcomes));
