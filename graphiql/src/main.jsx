// Workers first: Monaco looks for them when it is first imported.
import './workers.js';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';

import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './page.css';

import { createFetcher } from './fetcher.js';
import { loadTabs, openingWith } from './tabs.js';

const PLUGINS = [HISTORY_PLUGIN, explorerPlugin()];

function Page({ fetcher, opening }) {
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      {...opening}
      defaultEditorToolsVisibility="variables"
      // A header may be a credential: it lives as long as the page.
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>task-gateway</GraphiQL.Logo>
    </GraphiQL>
  );
}

const opening = openingWith(await loadTabs());
createRoot(document.getElementById('graphiql')).render(<Page fetcher={createFetcher()} opening={opening} />);
