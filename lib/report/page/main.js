"use strict";
// The page itself: three views, the address, the keyboard.

const SHOW = { runs: showRuns, compare: showCompare, sweeps: showSweeps };

function show(view, focus = true) {
  state.view = view;
  for (const name of Object.keys(SHOW)) {
    // ids unlike the address's #runs, which would be scrolled to
    $(`view-${name}`).hidden = name !== view;
    if (name === view) $(`tab-${name}`).setAttribute("aria-current", "page");
    else $(`tab-${name}`).removeAttribute("aria-current");
  }
  SHOW[view]();
  showChosen();
  if (focus) $(`view-${view}`).querySelector("h2")?.focus();
}

readAddress();
showCards();
prepareRuns();
for (const name of Object.keys(SHOW)) $(`tab-${name}`).addEventListener("click", () => show(name));
$("theme").addEventListener("click", toggleTheme);
addEventListener("hashchange", () => {
  readAddress();
  show(state.view, false);
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    show("runs", false);
    $("search").focus();
  }
});
show(state.view, false);
