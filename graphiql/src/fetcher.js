// Queries and mutations go over HTTP, subscriptions over one WebSocket: both to the address the page itself has.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

export function createFetcher() {
  const url = location.origin + location.pathname;
  let headers = {};
  const fetcher = createGraphiQLFetcher({
    url,
    wsClient: createClient({
      url: url.replace(/^http/, 'ws'),
      // The socket closes with its last subscription, so the next one connects with the headers of its own tab.
      connectionParams: () => credentials(headers),
    }),
  });
  return (parameters, options) => {
    headers = options?.headers ?? {};
    return fetcher(parameters, options);
  };
}

// A browser cannot send headers with a WebSocket: the credential travels in connection_init.
function credentials(headers) {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization');
  return name ? { authorization: headers[name] } : {};
}
