// Queries and mutations go over HTTP, subscriptions over one WebSocket: both to the address the page itself has.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { parse } from 'graphql';
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
    return fetcher(parameters, { ...options, documentAST: parsed(parameters.query) ?? options?.documentAST });
  };
}

// GraphiQL's own parsed document lags behind the keyboard: a subscription typed and run at once would go over HTTP.
function parsed(query) {
  try {
    return parse(query);
  } catch {
    return undefined; // the gateway says what is wrong with it
  }
}

// A browser cannot send headers with a WebSocket: the credential travels in connection_init.
function credentials(headers) {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization');
  return name ? { authorization: headers[name] } : {};
}
