// Looks tasks up, cancels some of them, waits for the others: npx tsx service.ts http://HOST/graphql < names.json
//
// names.json: {"look_up": [TaskBy, ...], "cancel": [TaskBy, ...], "wait_for": [TaskBy, ...]}. Prints what came of each
// task, one JSON object a line.
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Gateway, RefusedError } from "./gateway.js";
import { CancelTasksDocument, LookUpTasksDocument, TaskChangedDocument } from "./gateway_client/graphql.js";
import type { TaskBy, TaskStatus } from "./gateway_client/graphql.js";
import { reaction, type Reaction } from "./reactions.js";

const SETTLED: ReadonlySet<TaskStatus> = new Set<TaskStatus>(["COMPLETED", "FAILED", "DELIVERY_FAILED", "CANCELED"]);
const AT_ONCE = 100;
const TRIES = 5;

/** One task's outcome. */
function tell(step: string, index: number, outcome: string, then: Reaction | null = null): void {
  console.log(JSON.stringify({ step, index, outcome, then }));
}

/** Every task's own outcome. What may succeed later is asked for again, and only that. */
async function lookUp(gateway: Gateway, tasks: readonly TaskBy[]): Promise<void> {
  let waiting = [...tasks.entries()];
  for (let tried = 0; tried < TRIES && waiting.length > 0; tried += 1) {
    const { lookupTasks } = await gateway.run(LookUpTasksDocument, { by: waiting.map(([, task]) => task) });
    const again: typeof waiting = [];
    let waitSeconds = 0;
    lookupTasks.forEach((item, place) => {
      const [index, task] = waiting[place]!;
      if (item.__typename === "Task") return tell("look_up", index, item.status);
      const then = reaction(item.code);
      if (then !== "WAIT") return tell("look_up", index, item.code, then);
      again.push([index, task]);
      waitSeconds = Math.max(waitSeconds, (item.__typename === "BackendError" && item.retryAfterSeconds) || 0.2);
    });
    waiting = again;
    if (waiting.length > 0) await sleep(waitSeconds * 1000);
  }
  for (const [index] of waiting) tell("look_up", index, "STILL_UNAVAILABLE", "WAIT");
}

/** One refusal never stops the rest. Where the outcome is not known, the task itself is asked for. */
async function cancel(gateway: Gateway, tasks: TaskBy[]): Promise<void> {
  const { cancelTasks } = await gateway.run(CancelTasksDocument, { tasks });
  for (const [index, result] of (cancelTasks?.results ?? []).entries()) {
    if (result.errors.length === 0) tell("cancel", index, result.task?.status ?? "UNKNOWN");
    for (const error of result.errors) {
      const then = reaction(error.code);
      tell("cancel", index, error.code, then);
      if (then === "LOOK") await lookUp(gateway, [tasks[index]!]);
    }
  }
}

/** Tells each task's last status; nobody polls. */
async function waitFor(gateway: Gateway, tasks: TaskBy[]): Promise<void> {
  const open = new Set(tasks.keys());
  for await (const { taskChanged: change } of gateway.events(TaskChangedDocument, { by: tasks })) {
    if (open.has(change.index)) {
      if (change.error && !change.error.retryable) {
        tell("wait_for", change.index, change.error.code, reaction(change.error.code));
        open.delete(change.index);
      } else if (change.task && SETTLED.has(change.task.status)) {
        tell("wait_for", change.index, change.task.status);
        open.delete(change.index);
      }
    }
    if (open.size === 0) return;
  }
}

const [url] = process.argv.slice(2);
if (!url) {
  console.error("npx tsx service.ts http://HOST/graphql < names.json");
  process.exit(2);
}
const names = (await json(process.stdin)) as Record<"look_up" | "cancel" | "wait_for", TaskBy[]>;
const gateway = new Gateway(url, process.env["GATEWAY_TOKEN"]);
try {
  for (let start = 0; start < names.look_up.length; start += AT_ONCE) {
    await lookUp(gateway, names.look_up.slice(start, start + AT_ONCE));
  }
  if (names.cancel.length > 0) await cancel(gateway, names.cancel);
  if (names.wait_for.length > 0) await waitFor(gateway, names.wait_for);
} catch (error) {
  if (!(error instanceof RefusedError)) throw error;
  for (const code of error.codes) console.error(`${code}: ${reaction(code)}: ${error.message}`);
  process.exitCode = 1;
}
