// Where a detail of a result was compared: its heat shows over the photo while the pointer rests on the photo or on
// the detail's line, after a tap on that line, and while the photo has the focus.
"use strict";

(() => {
  const REST_MS = 250; // for which the pointer rests first, so that crossing the page asks the model for nothing
  let shown = null; // the drawing on the page
  let timer = 0;

  function make(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  function draw(hit, lines) {
    const image = hit.querySelector(".hit-image img");
    const [width, height] = ["width", "height"].map((side) => Number(image.getAttribute(side)));
    const edge = Number(hit.dataset.edge); // into which the neighbours of a tile bleed, so that it lies outside
    const stretched = height / (1 - 2 * edge);
    const drawing = make("svg", { class: "hit-heat", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (const line of lines) {
      const mask = make("mask", { id: `hit-heat-${line.dataset.tile}`, maskUnits: "userSpaceOnUse", x: 0, y: 0, width, height });
      mask.append(make("image", {
        href: hit.dataset.heat, y: -(Number(line.dataset.tile) + edge) * stretched, width, height: hit.dataset.tiles * stretched,
        preserveAspectRatio: "none",
      }));
      drawing.append(mask, make("rect", {
        class: `heat ${line.className}`, mask: `url(#${mask.id})`, width, height,
      }));
    }
    return drawing;
  }

  function show(target) {
    clearTimeout(timer);
    shown?.remove();
    shown = null;
    const hit = target.closest?.(".hit[data-heat]");
    const line = target.closest?.("[data-tile]");
    if (!hit || (!line && !target.closest(".hit-image"))) return;
    timer = setTimeout(() => {
      shown = draw(hit, line ? [line] : hit.querySelectorAll("[data-tile]"));
      hit.querySelector(".hit-image").append(shown);
    }, REST_MS);
  }

  document.addEventListener("pointerover", (event) => show(event.target));
  document.addEventListener("focusin", (event) => { if (event.target.matches(":focus-visible")) show(event.target); });
})();
