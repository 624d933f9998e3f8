// Waits until tasks are settled: npx tsx wait.ts ws://127.0.0.1:8000/graphql TASK...
import { createClient } from "graphql-ws";
import WebSocket from "ws";

type Status =
  | "PENDING" | "IN_PROGRESS" | "IN_REVIEW" | "IN_QC" | "COMPLETED" | "DELIVERY_FAILED" | "FAILED" | "CANCELED"
  | "UNKNOWN";

interface Change {
  index: number;
  previousStatus: Status | null;
  task: { status: Status } | null;
  error: { code: string; message: string; retryable: boolean } | null;
}

const CHANGES = `subscription ($by: [TaskBy!]!) {
  taskChanged(by: $by) {
    index
    previousStatus
    task { status }
    error { code message retryable }
  }
}`;
const SETTLED: ReadonlySet<Status> = new Set<Status>(["COMPLETED", "FAILED", "DELIVERY_FAILED", "CANCELED"]);

/** How the gateway is told of a task: a Scale task id, or Rosetta's three ids with commas. */
function taskBy(name: string): Record<string, unknown> {
  if (!name.includes(",")) return { scaleTaskId: name };
  const [campaignId, annotationRequestId, ...scene] = name.split(",");
  return { rosetta: { campaignId, annotationRequestId, sceneId: scene.join(",") } };
}

/** How each task ended, by name. Resolves when the last one is settled, or cannot be waited for. */
async function wait(url: string, names: string[], token: string | undefined): Promise<Map<string, string>> {
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    // Connects again for as long as it takes; the subscription then begins with the state as it stands.
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    connectionParams: token ? { authorization: `Bearer ${token}` } : undefined,
  });
  const ended = new Map<string, string>();
  const changes = client.iterate<{ taskChanged: Change }>({
    query: CHANGES,
    variables: { by: names.map(taskBy) },
  });
  for await (const answer of changes) {
    const change = answer.data?.taskChanged;
    if (!change) throw new Error(JSON.stringify(answer.errors));
    const name = names[change.index]!;
    if (change.error) {
      console.log(`${name}: ${change.error.code}: ${change.error.message}`);
      if (!change.error.retryable) ended.set(name, change.error.code);
    } else if (change.task) {
      console.log(`${name}: ${change.previousStatus ?? "-"} -> ${change.task.status}`);
      if (SETTLED.has(change.task.status)) ended.set(name, change.task.status);
    }
    if (ended.size === names.length) break;
  }
  await client.dispose();
  return ended;
}

const [url, ...tasks] = process.argv.slice(2);
if (!url || tasks.length === 0) {
  console.error("npx tsx wait.ts ws://127.0.0.1:8000/graphql TASK...");
  process.exit(2);
}
const ended = await wait(url, [...new Set(tasks)], process.env.GATEWAY_TOKEN);
process.exitCode = [...ended.values()].every((status) => status === "COMPLETED") ? 0 : 1;
