// Writes THIRD_PARTY_LICENSES: every package that ends up in a built file, with the licence it ships.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// Fonts are embedded in GraphiQL's style sheet, which says nothing of their terms; these are from the fonts' own tables.
const FONTS = { 'Fira Code (font, OFL-1.1)': 'fira-code.txt', 'Roboto (font, Apache-2.0)': 'roboto.txt' };
const LICENSE_FILE = /^(licen[cs]e|copying|notice|thirdpartynotices)/i;

export function thirdPartyLicenses() {
  const folders = new Set();
  const collector = {
    name: 'collect-packages',
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        for (const id of chunk.moduleIds ?? []) {
          const folder = packageFolder(id);
          if (folder) folders.add(folder);
        }
      }
    },
  };
  const writer = {
    name: 'third-party-licenses',
    generateBundle() {
      const texts = new Map([...packageTexts(folders), ...fontTexts()]);
      const sections = [...texts.keys()].sort().map((title) => `${'='.repeat(80)}\n${title}\n\n${texts.get(title)}\n`);
      this.emitFile({ type: 'asset', fileName: 'THIRD_PARTY_LICENSES', source: sections.join('\n') });
    },
  };
  // Workers are bundles of their own, made while the page's bundle is; so they are complete when the writer runs.
  return { page: [collector, writer], workers: () => [collector] };
}

function packageFolder(id) {
  const path = id.replace(/^\0/, '').split('?')[0];
  const match = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path);
  return match?.[0];
}

function* packageTexts(folders) {
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((file) => LICENSE_FILE.test(file)).sort();
    const texts = files.map((file) => plain(readFileSync(join(folder, file), 'utf8')));
    yield [`${name} ${version} (${license})`, texts.join('\n\n') || `No licence file; package.json says ${license}.`];
  }
}

function* fontTexts() {
  for (const [title, file] of Object.entries(FONTS)) {
    yield [title, plain(readFileSync(join(import.meta.dirname, 'licenses', file), 'utf8'))];
  }
}

function plain(text) {
  return text.replaceAll('\r\n', '\n').replace(/[ \t]+$/gm, '').trim();
}
