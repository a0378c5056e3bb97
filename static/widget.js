// RPF Fashion Search on a shop's page, by one script tag: docs/widget.md. No dependencies, no cookies.
(() => {
  "use strict";

  const warn = (text) => console.warn(`RPF search: ${text}`);
  if (window.RPFSearch) return warn("the script is on this page already; this tag does nothing.");

  const script = document.currentScript ?? document.querySelector("script[data-key][src*='widget.js']");
  const settings = script.dataset;
  const site = new URL(script.src).origin;
  const HEX = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;
  const ANSWER_MS = 1500; // after the frame has loaded, within which its page must have spoken
  const TEXTS = {
    en: {
      button: "Search by photo",
      close: "Close",
      failed: "The search cannot be shown at the moment. Please try again later.",
      unread: "That photo cannot be loaded. Please choose one.",
    },
    vi: {
      button: "Tìm bằng ảnh",
      close: "Đóng",
      failed: "Hiện không thể hiển thị tìm kiếm. Vui lòng thử lại sau.",
      unread: "Không tải được ảnh này. Vui lòng chọn một ảnh.",
    },
  };
  const language = [settings.language, document.documentElement.lang, navigator.language]
    .map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => tag in TEXTS) ?? "en";
  const texts = TEXTS[language];

  // ---- colours ----

  function colour(name) {
    const text = settings[name];
    if (text && !HEX.test(text)) warn(`data-${name} must be like #aa3366, not "${text}".`);
    return HEX.test(text) ? text.toLowerCase().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3") : "";
  }

  /** Return the contrast of two colours by WCAG, 1 to 21. */
  function contrast(...colours) {
    const [low, high] = colours.map((hex) => {
      const [red, green, blue] = [1, 3, 5].map((at) => {
        const part = parseInt(hex.slice(at, at + 2), 16) / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    }).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  const WHITE = "#ffffff", BLACK = "#000000";
  const textOn = (ground) => (contrast(WHITE, ground) >= contrast(BLACK, ground) ? WHITE : BLACK);
  const accent = colour("accent"), background = colour("background"), text = colour("text");
  const dark = background ? textOn(background) === WHITE : settings.theme === "dark";
  const paper = background || (dark ? "#141615" : WHITE);
  const readable = text && contrast(text, paper) >= 4.5;
  if (text && !readable) warn(`data-text ${text} cannot be read on ${paper}; it is changed until it can.`);
  const followsVisitor = !background && !["light", "dark"].includes(settings.theme);
  const LIGHT = "--paper: #ffffff; --ink: #1d1f1e; --line: #d8d9d5; --accent: #115e59; --on-accent: #fff;";
  const DARK = "--paper: #141615; --ink: #eceeec; --line: #353a38; --accent: #5fc9bd; --on-accent: #000;";
  const CHOSEN = (accent ? `--accent: ${accent}; --on-accent: ${textOn(accent)};` : "")
    + (background ? `--paper: ${background}; --ink: ${textOn(background)};` : "")
    + (readable && !followsVisitor ? `--ink: ${text};` : "");

  const sheet = new CSSStyleSheet(); // which a content security policy of the shop allows
  sheet.replaceSync(`
    :host { ${dark ? DARK : LIGHT} ${CHOSEN} all: initial; font: inherit; }
    ${followsVisitor ? `@media (prefers-color-scheme: dark) { :host { ${DARK} ${CHOSEN} } }` : ""}
    * { box-sizing: border-box; }
    button { cursor: pointer; font: inherit; }
    button:focus-visible, .floating:focus-visible { outline: 2px solid #fff; box-shadow: 0 0 0 4px #000; }
    [hidden] { display: none !important; }
    .open {
      display: inline-flex; align-items: center; gap: 0.55em; min-height: 44px; padding: 0.5em 1.1em; border: 0;
      border-radius: 8px; background: var(--accent); color: var(--on-accent); font-weight: 600; line-height: 1.2;
    }
    .open:hover { filter: brightness(0.92); }
    .floating {
      position: fixed; right: max(1rem, env(safe-area-inset-right)); bottom: max(1rem, env(safe-area-inset-bottom));
      z-index: 2147483000; border-radius: 24px; box-shadow: 0 4px 16px rgb(0 0 0 / 0.28);
    }
    svg {
      flex: none; width: 1.25em; height: 1.25em; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round;
    }
    dialog {
      width: min(1180px, 94vw); height: min(860px, 92vh); max-width: none; max-height: none; margin: auto; padding: 0;
      border: 0; border-radius: 14px; overflow: hidden; background: var(--paper); color: var(--ink);
      font: 16px/1.4 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
        "Liberation Sans", Arial, sans-serif;
      box-shadow: 0 20px 60px rgb(0 0 0 / 0.35);
    }
    dialog[open] { display: flex; flex-direction: column; }
    dialog:has(iframe[hidden]) { width: min(30rem, 94vw); height: fit-content; }
    dialog::backdrop { background: rgb(0 0 0 / 0.55); }
    header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; flex: none;
      min-height: 56px; padding: 0 0.5rem 0 1.25rem; border-bottom: 1px solid var(--line); }
    h2 {
      margin: 0; overflow: hidden; font-size: 1.0625rem; font-weight: 600; text-overflow: ellipsis; white-space: nowrap;
    }
    .close { display: grid; place-content: center; width: 44px; height: 44px; border: 0; border-radius: 8px;
      background: none; color: inherit; }
    .close:hover { background: color-mix(in srgb, var(--ink) 8%, transparent); }
    iframe { flex: 1; width: 100%; min-height: 0; border: 0; background: var(--paper); color-scheme: normal; }
    .note { margin: 0; padding: 1rem 1.25rem; }
    .wait { height: 3px; margin-top: -3px; flex: none; overflow: hidden; }
    .wait::after { content: ""; display: block; width: 30%; height: 100%; background: var(--accent); }
    @media (prefers-reduced-motion: no-preference) {
      dialog[open] { animation: appear 0.16s ease-out; }
      .wait::after { animation: pass 1.1s ease-in-out infinite; }
    }
    @keyframes appear { from { opacity: 0; transform: translateY(10px); } }
    @keyframes pass { from { transform: translateX(-100%); } to { transform: translateX(340%); } }
    @media (max-width: 640px) {
      dialog { width: 100vw; height: 100vh; height: 100dvh; border-radius: 0; }
      header { padding-left: max(1rem, env(safe-area-inset-left)); }
    }`);

  // ---- elements, in shadow roots that the shop's own styles do not reach ----

  function make(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  function icon(...paths) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    for (const path of paths) {
      svg.appendChild(document.createElementNS(svg.namespaceURI, "path")).setAttribute("d", path);
    }
    return svg;
  }

  function shade(...children) {
    const host = make("rpf-search");
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(...children);
    return host;
  }

  const buttonText = settings.button || texts.button;
  const cross = icon("M6 6l12 12M18 6L6 18");
  const close = make("button", { type: "button", className: "close", ariaLabel: texts.close }, cross);
  const title = make("h2", { textContent: settings.title || buttonText });
  const wait = make("div", { className: "wait" });
  const note = make("p", { className: "note", hidden: true, role: "alert" });
  const dialog = make("dialog", { ariaLabel: title.textContent }, make("header", {}, title, close), wait, note);
  let frame = null; // made when it is first opened
  let opener = null; // the element that opened the search
  let photo = null; // to be given to the frame
  let timer = 0;
  let overflow = null; // of the page behind, which does not scroll while the search is open

  // ---- opening and closing ----

  function address({ product, item }) {
    const path = settings.collection ? `widget/${encodeURIComponent(settings.collection)}/` : "widget";
    const url = new URL(path, script.src);
    const named = { key: settings.key, origin: location.origin, language, theme: settings.theme, product, item };
    for (const [name, value] of Object.entries({ ...named, accent, background, text })) {
      if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  function show(options) {
    clearTimeout(timer);
    wait.hidden = false;
    note.hidden = true;
    frame?.remove(); // a new one, so that the way back in the browser's history is not through the old one
    frame = make("iframe", { title: title.textContent, src: address(options) });
    frame.addEventListener("load", () => {
      wait.hidden = true;
      timer = setTimeout(fail, ANSWER_MS);
    });
    dialog.append(frame);
  }

  function fail() {
    if (frame.dataset.ready) return;
    say(texts.failed);
    frame.hidden = true;
    console.error(
      `RPF search: ${site} did not open for this page. Check that data-key is a search key, that it names this origin `
      + `(rpf keys create --kind search --origin ${location.origin}), and that a content security policy of this page `
      + `allows ${site} in frame-src. ${address({})} says what is wrong.`,
    );
  }

  function say(text) {
    note.textContent = text;
    note.hidden = false;
  }

  /** Open the search: with {product: id}, {item: id} or {image: File, Blob or address}; else as it was left. */
  async function open(options = {}, element = null) {
    opener = element ?? document.activeElement;
    if (!dialog.isConnected) document.body.append(shade(dialog));
    const { product, item, image } = options;
    photo = null;
    if (!frame || frame.hidden || product || item || image) show({ product, item });
    if (!dialog.open) {
      dialog.showModal();
      overflow ??= document.documentElement.style.overflow;
      document.documentElement.style.overflow = "hidden";
      announce("rpf:open");
    }
    if (!image) return;
    const opened = frame;
    const data = image instanceof Blob ? image : await load(image);
    if (frame !== opened) return; // it was opened for something else meanwhile
    photo = data;
    givePhoto();
  }

  async function load(url) {
    try {
      const response = await fetch(url, { credentials: "omit" });
      if (response.ok) return await response.blob();
      warn(`"${url}" was answered with ${response.status}.`);
    } catch {
      warn(`"${url}" cannot be read by this page: let its server send Access-Control-Allow-Origin.`);
    }
    say(texts.unread);
    return null;
  }

  function givePhoto() {
    if (!photo || !frame.dataset.ready) return;
    frame.contentWindow.postMessage({ type: "rpf:image", image: photo }, site);
    photo = null;
  }

  function closed() {
    if (dialog.open) return; // it was opened again before the browser told that it was closed
    document.documentElement.style.overflow = overflow;
    overflow = null;
    opener?.focus?.();
    announce("rpf:close");
  }

  /** Dispatch an event at the element that opened the search; return whether its default action is wanted. */
  function announce(type, detail) {
    const target = opener?.isConnected ? opener : document;
    return target.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", closed);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside the dialog
  });

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== site) return;
    const { type, product, query_id, position } = event.data ?? {};
    if (type === "rpf:ready") {
      frame.dataset.ready = "yes";
      clearTimeout(timer);
      wait.hidden = true;
      givePhoto();
    } else if (type === "rpf:close") {
      dialog.close();
    } else if (type === "rpf:product") {
      const wanted = announce("rpf:product", { product, query_id, position });
      if (wanted && /^https?:\/\//i.test(product.url)) location.assign(product.url);
    }
  });

  // ---- what opens it ----

  document.addEventListener("click", (event) => {
    const element = event.target.closest?.("[data-rpf-search]");
    if (!element) return;
    event.preventDefault();
    open({ product: element.dataset.rpfProduct, image: element.dataset.rpfImage }, element);
  });

  if (!settings.key) warn(`data-key is missing. Create one: rpf keys create --kind search --origin ${location.origin}`);
  const position = settings.position ?? (document.head.contains(script) ? "floating" : "inline");
  if (position !== "none") {
    const mark = icon(
      "M8 3H5a2 2 0 0 0-2 2v3M16 3h3a2 2 0 0 1 2 2v3M8 21H5a2 2 0 0 1-2-2v-3M16 21h3a2 2 0 0 0 2-2v-3",
      "M12 8.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 0 0 0-7",
    );
    const properties = { type: "button", className: `open ${position}`, ariaHasPopup: "dialog" };
    const button = make("button", properties, mark, buttonText);
    button.part = "button";
    button.addEventListener("click", () => open({}, button));
    if (position === "floating") {
      const place = () => document.body.append(shade(button));
      document.body ? place() : document.addEventListener("DOMContentLoaded", place);
    } else {
      script.after(shade(button));
    }
  }

  window.RPFSearch = Object.freeze({ open: (options) => open(options), close: () => dialog.close() });
  document.dispatchEvent(new CustomEvent("rpf:load"));
})();
