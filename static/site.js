// Everything works without this file. With it: images can be dropped, pasted and seen before they are sent,
// a running search shows, and a changed weight ranks again without losing the place.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);

// ---- a running search shows ----

function busy(on, form) {
  one("#busy").hidden = !on;
  one("#main").setAttribute("aria-busy", String(on));
  const button = form && one("button[type=submit]", form);
  if (!button) return;
  button.dataset.restText ??= button.textContent;
  button.textContent = on ? button.dataset.busyText : button.dataset.restText;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-busy]")) return;
  if (form.dataset.sent) {
    event.preventDefault(); // a second click while the first is under way
    return;
  }
  form.dataset.sent = "yes";
  busy(true, form);
});

// Coming back with the browser's Back button shows the page as it was left: busy.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-busy]")) {
    delete form.dataset.sent;
    busy(false, form);
  }
});

// ---- the drop zone ----

function setUpDrop(drop) {
  const form = drop.closest("form");
  const inputs = [one("#image", form), one("#camera", form)];
  const preview = one(".drop-preview", drop);
  const name = one("#drop-name", drop);
  const title = one(".drop-title", drop);
  const search = one(".btn-search", form);

  function forget() {
    inputs.forEach((input) => { input.value = ""; });
    form.elements.upload.value = "";
    one(".drop-saved", drop)?.remove();
    preview.hidden = true;
    name.hidden = true;
    title.hidden = false;
    search.disabled = false;
  }

  // Drawn on a canvas, so that a content security policy needs no exception for blob: addresses.
  async function show(file) {
    form.elements.upload.value = "";
    one(".drop-saved", drop)?.remove();
    one(".problem", drop)?.remove();
    drop.classList.remove("has-problem");
    const tooLarge = file.size > Number(drop.dataset.limit);
    name.textContent = tooLarge ? drop.dataset.tooLarge : file.name;
    drop.classList.toggle("has-problem", tooLarge);
    name.classList.toggle("problem", tooLarge);
    search.disabled = tooLarge;
    name.hidden = false;
    title.hidden = true;
    preview.hidden = true;
    try {
      const bitmap = await createImageBitmap(file);
      const scale = Math.min(1, 360 / bitmap.width, 256 / bitmap.height);
      preview.width = Math.max(1, Math.round(bitmap.width * scale));
      preview.height = Math.max(1, Math.round(bitmap.height * scale));
      preview.getContext("2d").drawImage(bitmap, 0, 0, preview.width, preview.height);
      preview.hidden = false;
    } catch {
      // A format this browser cannot show (HEIC): its name has to do. The server says if it is no image.
    }
    if ("atOnce" in drop.dataset && !tooLarge) form.requestSubmit();
  }

  function take(files) {
    const file = [...files].find((each) => each.type.startsWith("image/")) ?? files[0];
    if (!file) return;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    inputs[0].files = transfer.files;
    inputs[1].value = "";
    show(file);
  }

  inputs.forEach((input, which) => {
    input.addEventListener("change", () => {
      if (!input.files.length) return forget();
      inputs[1 - which].value = "";
      show(input.files[0]);
    });
  });

  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
}

// ---- the page that waits for the search ----

const WAIT_MS = 2000;

async function lookAgain() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!one("#waiting", page)) return location.reload();
    for (const id of ["#phase", "#progress"]) {
      if (one(id).innerHTML !== one(id, page).innerHTML) one(id).innerHTML = one(id, page).innerHTML;
    }
  } catch {
    // The site restarts.
  }
}

// ---- weights rank again at once ----

function setUpLive(form) {
  let running = null;

  form.addEventListener("change", (event) => {
    if (event.target.type === "file") return event.target.form.requestSubmit();
    const from = event.target.type === "hidden" ? document.activeElement : event.target;
    again(from?.id);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    delete form.dataset.sent;
    again(document.activeElement?.id);
  });
  // A link to another search of the same photo: the open panel and the place on the page stay.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-live]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    again(link.id, link.getAttribute("href").split("#")[0], true);
  });
  let shownAddress = location.pathname + location.search;
  addEventListener("popstate", () => {
    if (location.pathname + location.search !== shownAddress) location.reload();
  });
  // The panel covers much of a phone's screen.
  document.addEventListener("click", (event) => {
    if (event.target.id !== "to-results") return;
    one("#fold").open = false;
    one(".results").scrollIntoView();
    one("#main").focus({ preventScroll: true });
  });
  // Old browsers cannot show a closed panel beside the results.
  if (matchMedia("(min-width: 821px)").matches && !CSS.supports("selector(::details-content)")) one("#fold").open = true;

  function address() {
    const params = new URLSearchParams(new FormData(form));
    for (const [key, value] of [...params]) {
      const unchosen = /^[vw]-/.test(key) && !params.getAll("a").includes(key.slice(2));
      if (unchosen || value === "" || (key.startsWith("w-") && Number(value) === 1)) params.delete(key);
    }
    return `${form.getAttribute("action")}?${params}`;
  }

  async function again(focused, target = address(), isNew = false) {
    running?.abort();
    running = new AbortController();
    const mine = running;
    busy(true, form);
    one("#results").setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(target, { signal: mine.signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!one("#results", page)) {
        location.assign(target); // the photo has expired, or the site is starting: that page says so
        return;
      }
      swap(page, focused);
      const shown = answer.redirected ? answer.url : target;
      if (isNew) history.pushState(null, "", shown);
      else history.replaceState(null, "", shown);
      shownAddress = location.pathname + location.search;
    } catch (error) {
      if (error.name === "AbortError") return;
      location.assign(target);
    }
    if (mine === running) {
      busy(false, form);
      one("#results").removeAttribute("aria-busy");
    }
  }

  function swap(page, focused) {
    const folds = [...form.querySelectorAll("details")].map((details) => [details.id, details.open]);
    for (const id of ["query", "facets", "add-photo", "compare", "results"]) one(`#${id}`)?.replaceWith(one(`#${id}`, page) ?? "");
    one("#export")?.remove();
    const exports = one("#export", page);
    if (exports) one(".results-top").append(exports);
    one(".strip").replaceWith(one(".strip", page));
    const status = one("#status", page);
    one("#status").className = status.className;
    one("#status").textContent = status.textContent;
    document.title = page.title;
    for (const [id, open] of folds) {
      const fold = document.getElementById(id);
      if (fold && !("open" in fold.dataset)) fold.open = open;
    }
    document.dispatchEvent(new Event("rpf:swapped"));
    const same = focused && document.getElementById(focused);
    // An unticked detail is among those to add now, which may be folded.
    const folded = same?.parentElement.closest("details:not([open], #fold, #filters)");
    if (focused) (folded ? one("summary", folded) : same ?? one("#main")).focus({ preventScroll: true });
    document.dispatchEvent(new Event("results"));
  }
}

const drop = one("#drop");
if (drop) setUpDrop(drop);
const problem = one("p.problem");
if (problem) problem.scrollIntoView({ block: "center" }); // on a phone it may lie below the screen
if (one("#waiting")) setInterval(lookAgain, WAIT_MS);
const live = one("form[data-live]");
if (live) setUpLive(live);

// ---- back to the results, at the place where they were left ----

// Return the address of a search, whichever of its pages shows.
function searchOf(address) {
  const { origin, pathname, searchParams } = new URL(address, location.href);
  searchParams.delete("page");
  searchParams.sort();
  return `${origin}${pathname}?${searchParams}`;
}

function setUpWayBack(wayBack) {
  // Where a browser does not say what is one step back, it is known only of a page that was opened from the results.
  const before = window.navigation?.entries()[navigation.currentEntry.index - 1]?.url ?? document.referrer;
  const fromResults = Boolean(before) && searchOf(before) === searchOf(wayBack.href);
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".place a");
    if (!link || !fromResults || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link === wayBack) history.back();
    else location.replace(link.href); // so that the results stay one step back
  });
  const rank = new URLSearchParams(location.search).get("rank");
  addEventListener("pagehide", () => { if (rank) sessionStorage.setItem("rank", rank); }); // more.js shows it
}

const wayBack = one("#way-back");
if (wayBack) setUpWayBack(wayBack);

// A menu closes when something else is touched, or on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) {
    menu.open = false;
    one("summary", menu).focus();
  }
});
