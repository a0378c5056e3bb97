// The widget's page inside the frame: tells the shop's page what was clicked, and the site what was seen and clicked.
"use strict";

const shop = document.body.dataset.origin; // of the page around; the site has checked that the key is for it
const within = window.parent !== window && Boolean(shop);

function tell(message) {
  if (within) window.parent.postMessage(message, shop);
}

// ---- events ----

const VIEW_DELAY_MS = 800;
let pending = [];
let timer = 0;

function record(action, hit) {
  pending.push({
    action_name: action,
    query_id: one("#results").dataset.queryId,
    event_attributes: { object: { object_id: hit.dataset.id }, position: { ordinal: Number(hit.dataset.position) } },
  });
  clearTimeout(timer);
  timer = setTimeout(send, VIEW_DELAY_MS);
}

function send() {
  clearTimeout(timer);
  if (!pending.length) return;
  navigator.sendBeacon(document.body.dataset.events, new Blob([JSON.stringify(pending)], { type: "application/json" }));
  pending = [];
}

const views = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    views.unobserve(target);
    record("view", target);
  }
}, { threshold: 0.5 });

function watch() {
  views.disconnect();
  for (const hit of document.querySelectorAll(".hit")) views.observe(hit);
}

addEventListener("pagehide", send);
document.addEventListener("visibilitychange", send);
document.addEventListener("results", watch); // site.js has put new ones in their place
document.addEventListener("results-added", ({ detail }) => detail.forEach((hit) => views.observe(hit))); // by more.js
watch();

// ---- clicks ----

document.addEventListener("click", (event) => {
  const link = event.target.closest(".hit-image, .product-name a");
  if (!link) return;
  const hit = link.closest(".hit");
  record("click", hit);
  send();
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey; // a new tab or window
  if (!within || elsewhere) return;
  const { id, url, title, position } = hit.dataset;
  tell({
    type: "rpf:product",
    product: { id, url, title },
    query_id: one("#results").dataset.queryId,
    position: Number(position),
  });
  if (url) event.preventDefault(); // the shop's page opens it, or does what it wants instead
});

document.addEventListener("auxclick", (event) => {
  const link = event.target.closest(".hit-image, .product-name a");
  if (link && event.button === 1) record("click", link.closest(".hit"));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) tell({ type: "rpf:close" });
});

// ---- a photo that the shop's page starts with ----

addEventListener("message", (event) => {
  const { type, image } = event.data ?? {};
  if (event.source !== window.parent || event.origin !== shop || type !== "rpf:image" || !(image instanceof Blob)) return;
  const input = one("#image");
  if (!input) return;
  const files = new DataTransfer();
  files.items.add(new File([image], image.name || "photo", { type: image.type }));
  input.files = files.files;
  input.dispatchEvent(new Event("change"));
});
tell({ type: "rpf:ready" });
