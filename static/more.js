// Further pages of results come into the list as one scrolls to its end, and are there again on the way back.
// Without this file, "Next page" and "Show the rest" are links.
"use strict";

const AUTOMATIC_PAGES = 5; // then a button, so that what is below the list can be reached
const SETTLED_MS = 150; // without scrolling

let automatic = AUTOMATIC_PAGES;
let loads = 0; // pages that were added to the first
let failed = false; // then the link is followed
let restoring = true; // what had been loaded before one left the page

const nextLink = () => one("#pages .more-results");

// On a busy machine a browser reports several changes at once, of which the last one holds.
const nearEnd = new IntersectionObserver((changes) => {
  if (!changes.at(-1).isIntersecting || automatic === 0) return;
  automatic -= 1;
  add();
}, { rootMargin: "800px" });

// Label the link, and watch for it while pages are added by themselves.
function prepare() {
  const link = nextLink();
  nearEnd.disconnect();
  if (link?.dataset.more) link.textContent = link.dataset.more;
  const goesOn = Boolean(link?.dataset.more) && !failed;
  if (goesOn && automatic > 0 && !restoring) nearEnd.observe(link);
  // Numbers of pages say nothing while pages come by themselves, or when all are in the list.
  one("#pages")?.classList.toggle("endless", one(".grid").start === 1 && (goesOn ? automatic > 0 : loads > 0));
}

// Add what the link leads to; return whether that was possible.
async function add() {
  const link = nextLink();
  if (!link || link.ariaBusy) return false;
  link.ariaBusy = "true";
  if (link.dataset.busyText) link.textContent = link.dataset.busyText;
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!link.isConnected) return false; // other results have taken the place of these
    append(page, "rest" in link.dataset);
    return true;
  } catch {
    link.ariaBusy = null;
    failed = true;
    prepare();
    return false;
  }
}

function append(page, withRest) {
  const grid = one(".grid");
  const last = Number(grid.lastElementChild.dataset.position);
  const hits = [...one(".grid", page).children].filter((hit) => Number(hit.dataset.position) > last);
  grid.append(...hits);
  loads += 1;
  const focused = one("#pages").contains(document.activeElement);
  one("#pages").replaceWith(one("#pages", page));
  if (focused) (nextLink() ?? one("#pages")).focus({ preventScroll: true });
  one("#shown").textContent = one("#pages").dataset.shown;
  if (withRest) one("#status").textContent = one("#status", page).textContent;
  document.dispatchEvent(new CustomEvent("results-added", { detail: hits }));
  remember();
  prepare();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest(".more-results");
  if (!link || failed || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  add();
});

// ---- back to the same place ----

function remember() {
  if (!loads || restoring) return;
  history.scrollRestoration = "manual"; // the browser would scroll before the pages are there
  history.replaceState({ ...history.state, loads, top: scrollY }, "");
}

async function restore(rank) {
  const { loads: wanted = 0, top } = history.state ?? {};
  automatic = Math.max(0, AUTOMATIC_PAGES - wanted);
  while (loads < wanted && (await add()));
  if (wanted) scrollTo({ top, behavior: "instant" });
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") await showLeft(rank);
  restoring = false;
  remember();
  prepare();
}

function takeRank() {
  try {
    const rank = Number(sessionStorage.getItem("rank"));
    sessionStorage.removeItem("rank");
    return rank;
  } catch {
    return 0; // in a frame on another site's page, whose storage is blocked
  }
}

// Show the result that one comes back from, which need not be the one that was opened.
async function showLeft(rank) {
  const hit = () => document.getElementById(`rank-${rank}`);
  const grid = one(".grid");
  if (!rank || !grid || grid.start > rank) return;
  while (!hit() && (await add()));
  const { top, bottom } = hit()?.getBoundingClientRect() ?? { top: 0, bottom: 0 };
  if (bottom < 0 || top > innerHeight) hit().scrollIntoView({ block: "center", behavior: "instant" });
}

let settled = 0;
addEventListener("scroll", () => {
  clearTimeout(settled);
  settled = setTimeout(remember, SETTLED_MS);
}, { passive: true });
addEventListener("pagehide", remember);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && loads) scrollTo({ top: history.state.top, behavior: "instant" });
  if (persisted) showLeft();
});

// A link of site.js to the same ranking: what had been loaded is loaded again, and its result stays where it is.
let place = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-keep]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const id = link.dataset.keep || [...document.querySelectorAll(".hit")].find((hit) => hit.getBoundingClientRect().bottom > 0)?.id;
  place = { loads, id, link: link.id, top: document.getElementById(id)?.getBoundingClientRect().top };
  document.body.style.minHeight = `${document.documentElement.scrollHeight}px`; // until the pages are there
});

// site.js has put the first page of this or another ranking in the place of these.
document.addEventListener("results", async () => {
  const { loads: wanted = 0, id, link, top } = place ?? {};
  [automatic, loads, failed, place] = [Math.max(0, AUTOMATIC_PAGES - wanted), 0, false, null];
  history.scrollRestoration = "auto";
  restoring = wanted > 0;
  while (loads < wanted && (await add()));
  restoring = false;
  const hit = id && document.getElementById(id);
  if (hit) scrollBy({ top: hit.getBoundingClientRect().top - top, behavior: "instant" });
  document.body.style.minHeight = "";
  const menu = link && document.getElementById(link)?.closest(".menu");
  if (menu) one("summary", menu).focus({ preventScroll: true });
  remember();
  prepare();
});

restore(takeRank());
