// Everything works without this file. With it: images can be dropped, pasted and seen before they are sent,
// a running search shows, and a changed weight ranks again without losing the place.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);

// ---- a running search shows ----

function busy(on, form) {
  one("#busy").hidden = !on;
  one("#main").setAttribute("aria-busy", String(on));
  for (const button of form?.querySelectorAll("[data-busy-text]") ?? []) {
    button.dataset.restText ??= button.textContent;
    button.textContent = on ? button.dataset.busyText : button.dataset.restText;
  }
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

const SIGNATURES = /^(\xff\xd8\xff|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF....WEBP|....ftyp)/s; // of JPEG to HEIC and AVIF

const HEAD_BYTES = 2 ** 18; // in which the size of a JPEG stands, after previews and colour profiles

// Return the pixels of a PNG or JPEG by its header, 0 where that does not say: to decode too many may end the page.
function countPixels(head) {
  const [type, length] = [head.getUint16(0), head.byteLength];
  if (type === 0x8950) return head.getUint32(16) * head.getUint32(20);
  for (let at = 2; type === 0xffd8 && at + 9 < length && head.getUint8(at) === 0xff; at += 2 + head.getUint16(at + 2)) {
    const marker = head.getUint8(at + 1);
    const isSize = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isSize) return head.getUint16(at + 5) * head.getUint16(at + 7);
  }
  return 0;
}

// Return a file as a bitmap, where this browser can show it, and why it cannot be searched with, in one of the texts.
async function readImage(file, { limit, pixels, tooLarge, tooManyPixels, noImage }) {
  if (file.size > Number(limit)) return { reason: tooLarge };
  const head = new DataView(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const start = String.fromCharCode(...new Uint8Array(head.buffer, 0, Math.min(16, head.byteLength)));
  if (!SIGNATURES.test(start)) return { reason: noImage };
  if (head.byteLength >= 24 && countPixels(head) > Number(pixels)) return { reason: tooManyPixels };
  try {
    return { bitmap: await createImageBitmap(file), reason: "" };
  } catch {
    return { reason: "" }; // a format that only the server can show (HEIC), or a damaged file
  }
}

function setUpDrop(drop) {
  const form = drop.closest("form");
  const inputs = [one("#image", form), one("#camera", form)];
  const preview = one(".drop-preview", drop);
  const name = one("#drop-name", drop);
  const title = one(".drop-title", drop);
  const searches = [one(".drop-search", drop), one(".btn-search", form)];

  function forgetSaved() {
    for (const field of ["upload", "item"]) form.elements[field].value = "";
    one(".drop-saved", drop)?.remove();
    one("#image-problem", drop)?.remove();
  }

  function forget() {
    inputs.forEach((input) => { input.value = ""; });
    forgetSaved();
    preview.hidden = true;
    name.hidden = true;
    title.hidden = false;
    searches[0].hidden = true;
    refuse("");
  }

  // Say why a file cannot be searched with; nothing where it can.
  function refuse(reason) {
    drop.classList.toggle("has-problem", Boolean(reason));
    name.classList.toggle("problem", Boolean(reason));
    if (reason) name.textContent = reason;
    searches.forEach((search) => { search.disabled = Boolean(reason); });
  }

  // Drawn on a canvas, so that a content security policy needs no exception for blob: addresses.
  async function show(file) {
    forgetSaved();
    name.textContent = file.name;
    name.hidden = false;
    title.hidden = true;
    preview.hidden = true;
    const { bitmap, reason } = await readImage(file, drop.dataset);
    refuse(reason);
    searches[0].hidden = Boolean(reason);
    if (bitmap) {
      const scale = Math.min(1, 360 / bitmap.width, 256 / bitmap.height);
      preview.width = Math.max(1, Math.round(bitmap.width * scale));
      preview.height = Math.max(1, Math.round(bitmap.height * scale));
      preview.getContext("2d").drawImage(bitmap, 0, 0, preview.width, preview.height);
      bitmap.close();
      preview.hidden = false;
    }
    if ("atOnce" in drop.dataset && !reason) form.requestSubmit();
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
    if (event.target.type === "file") return addPhoto(event.target);
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
    again(link.id || "main", link.getAttribute("href").split("#")[0], true);
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

  async function addPhoto(input) {
    const { reason } = await readImage(input.files[0], input.form.dataset);
    one("#photo-problem")?.remove();
    if (!reason) return input.form.requestSubmit();
    const problem = document.createElement("p");
    [problem.id, problem.className, problem.role, problem.textContent] = ["photo-problem", "problem", "alert", reason];
    one(".add-photo").after(problem);
    input.value = "";
  }

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
    const same = document.getElementById(focused);
    // An unticked detail is among those to add now, which may be folded.
    const folded = same?.parentElement.closest("details:not([open], #fold, #filters)");
    if (focused) (folded ? one("summary", folded) : same ?? one("#main")).focus({ preventScroll: true });
    if (same?.ariaInvalid) document.getElementById(same.getAttribute("aria-describedby")).scrollIntoView({ block: "nearest" });
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
