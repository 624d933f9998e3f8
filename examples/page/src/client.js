// One client: queries and mutations over HTTP, subscriptions over one WebSocket, one cache behind both.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { OperationTypeNode } from "graphql";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";

// The gateway's address: ?gateway=https://tasks.example.com/graphql
const url = new URLSearchParams(location.search).get("gateway") ?? "http://127.0.0.1:8000/graphql";

let isOpen = false;
const listeners = new Set();

function tell(open) {
  isOpen = open;
  for (const listener of listeners) listener();
}

/** Whether the socket is open, in the form that React's useSyncExternalStore takes. */
export const socket = {
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  isOpen: () => isOpen,
};

const socketLink = new GraphQLWsLink(
  createClient({
    url: url.replace(/^http/, "ws"),
    // Connects again for as long as it takes. A subscription begins with the state as it stands: nothing is missed.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: { connected: () => tell(true), closed: () => tell(false) },
  }),
);

export const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    socketLink,
    new HttpLink({ uri: url }),
  ),
  // Every object with an `id` is kept once, as Task:…, whichever query, mutation or subscription brought it.
  cache: new InMemoryCache(),
});
