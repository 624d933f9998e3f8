import { useQuery, useSubscription } from "@apollo/client/react";
import { useSyncExternalStore } from "react";

import { socket } from "./client.js";
import { CHANGES, LIST } from "./operations.js";

const POLLED_EVERY_MS = 2_000;
// Changes of tasks arrive by themselves; tasks that are new in the list are looked for now and then.
const LISTED_EVERY_MS = 60_000;

/**
 * The list, kept current: polled until the subscription's socket is open, and whenever it is lost.
 *
 * Nothing here carries a change into the list. What the subscription brings lands in the cache under the task's `id`,
 * and the list, which is made of the same objects, is drawn anew.
 */
export function useLiveList(variables) {
  const isLive = useSyncExternalStore(socket.subscribe, socket.isOpen);
  const { data, error } = useQuery(LIST, {
    variables,
    errorPolicy: "all",
    pollInterval: isLive ? LISTED_EVERY_MS : POLLED_EVERY_MS,
  });
  const tasks = data?.tasks?.nodes ?? [];
  useSubscription(CHANGES, {
    variables: { by: tasks.map(({ id }) => ({ id })) },
    skip: tasks.length === 0,
    // The cache is all that a change is for: no need to draw for it here.
    ignoreResults: true,
  });
  return { tasks, failures: data?.tasks?.failures ?? [], error, isLive };
}
