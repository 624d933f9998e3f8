import { defineConfig } from 'vite';

import { thirdPartyLicenses } from './licenses.js';

const licenses = thirdPartyLicenses();

export default defineConfig({
  // Relative addresses only: the page works under any prefix that a proxy puts before it.
  base: './',
  plugins: licenses.page,
  worker: { format: 'es', plugins: licenses.workers },
  build: {
    outDir: '../gateway/static/graphiql',
    emptyOutDir: true,
    target: 'es2022',
    // Monaco is large and stays so.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  experimental: {
    // The page is /graphql, its files are under /graphiql; among themselves the files are neighbours.
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `./graphiql/${file}` : { relative: true }),
  },
});
