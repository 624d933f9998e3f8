// The operations that GraphiQL opens with. A browser that was here before has tabs of its own, which GraphiQL keeps.
export async function loadTabs() {
  const response = await fetch('./graphiql/tabs.json');
  return response.ok ? response.json() : [];
}

// GraphiQL fills the panes beside the active tab's query only where it is told with what.
export function openingWith(tabs) {
  const kept = keptTab();
  if (kept) return { initialQuery: kept.query ?? '', initialVariables: kept.variables ?? '' };
  if (tabs.length === 0) return {};
  return { defaultTabs: tabs, initialVariables: tabs[0].variables, initialHeaders: tabs[0].headers };
}

// The tab that was active when this browser was last here, as GraphiQL stores it.
function keptTab() {
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState'));
    return tabs[activeTabIndex];
  } catch {
    return undefined;
  }
}
