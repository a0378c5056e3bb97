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

  async function again(focused) {
    running?.abort();
    running = new AbortController();
    const mine = running;
    const target = address();
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
      history.replaceState(null, "", target);
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
    if (same) same.focus({ preventScroll: true });
    document.dispatchEvent(new Event("results"));
  }
}

const drop = one("#drop");
if (drop) setUpDrop(drop);
const problem = one("p.problem");
if (problem) problem.scrollIntoView({ block: "center" }); // on a phone it may lie below the screen
const live = one("form[data-live]");
if (live) setUpLive(live);

// Back to the results at the place where they were left.
const wayBack = one("#way-back");
wayBack?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || document.referrer !== wayBack.href) return;
  event.preventDefault();
  history.back();
});

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
