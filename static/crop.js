// Cropping the picture of a search by hand: drag a corner, drag the frame, draw a new one, or use the arrow keys.
// Without this file the crop has four number fields.
"use strict";

(() => {
  const CORNERS = { nw: [0, 0], ne: [1, 0], sw: [0, 1], se: [1, 1] };
  const SMALLEST = 0.05; // of a side
  const STEP = 0.01; // by an arrow key; five times as much with Shift
  const HANDLE_PIXELS = 11;
  const WAIT_MS = 350; // after the last key, before the search runs again
  let cropping = false; // also after the page's parts have been replaced
  let redraw = () => {}; // of the page's present parts, as the next
  let stop = () => {};
  let before = null; // the crop to go back to

  const within = (value, low, high) => Math.min(high, Math.max(low, value));

  function make(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  function setUp() {
    const svg = document.querySelector(".query .region-image");
    const button = document.querySelector("#crop-button");
    const input = document.querySelector("#crop");
    const help = document.querySelector("#crop-help");
    if (!svg || !button || !input) return;
    for (const field of document.querySelectorAll(".crop-fields input")) field.disabled = true;
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    let [left, top, w, h] = (input.value || "0,0,1,1").split(",").map(Number);
    let [right, bottom] = [left + w, top + h];
    let timer = 0;

    const tools = make("g", { class: "crop-tools" });
    const shade = make("path", { class: "crop-shade", "fill-rule": "evenodd" });
    const frame = make("rect", { class: "crop-frame", id: "crop-frame", tabindex: 0, role: "button" });
    frame.setAttribute("aria-label", button.dataset.frame);
    const handles = Object.entries(CORNERS).map(([corner, [x, y]]) => {
      const handle = make("circle", { class: `crop-handle ${corner}`, id: `crop-${corner}`, tabindex: 0, role: "button" });
      handle.setAttribute("aria-label", button.dataset[corner]);
      return { handle, x, y };
    });
    tools.append(shade, frame, ...handles.map((each) => each.handle));

    function draw() {
      const [x0, y0, x1, y1] = [left * width, top * height, right * width, bottom * height];
      shade.setAttribute("d", `M0 0H${width}V${height}H0ZM${x0} ${y0}H${x1}V${y1}H${x0}Z`);
      for (const [key, value] of [["x", x0], ["y", y0], ["width", x1 - x0], ["height", y1 - y0]]) frame.setAttribute(key, value);
      const radius = HANDLE_PIXELS / (svg.getScreenCTM()?.a || 1);
      for (const { handle, x, y } of handles) {
        handle.setAttribute("cx", x ? x1 : x0);
        handle.setAttribute("cy", y ? y1 : y0);
        handle.setAttribute("r", radius);
      }
    }

    function move(x, y, dx, dy) { // a corner, or the frame where x is undefined
      if (x === undefined) {
        dx = within(dx, -left, 1 - right);
        dy = within(dy, -top, 1 - bottom);
        [left, right, top, bottom] = [left + dx, right + dx, top + dy, bottom + dy];
      } else {
        if (x) right = within(right + dx, left + SMALLEST, 1);
        else left = within(left + dx, 0, right - SMALLEST);
        if (y) bottom = within(bottom + dy, top + SMALLEST, 1);
        else top = within(top + dy, 0, bottom - SMALLEST);
      }
      draw();
    }

    function search(delay) {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const whole = right - left > 0.999 && bottom - top > 0.999;
        input.value = whole ? "" : [left, top, right - left, bottom - top].map((side) => Number(side.toFixed(4))).join(",");
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }, delay);
    }

    function place(event) { // of a pointer, in shares of the sides
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return [within(point.x / width, 0, 1), within(point.y / height, 0, 1)];
    }

    svg.addEventListener("pointerdown", (event) => {
      if (!cropping || event.button) return;
      event.preventDefault();
      let [x, y] = place(event);
      let corner = handles.find((each) => each.handle === event.target);
      if (!corner && event.target !== frame) {
        [left, top] = [within(x, 0, 1 - SMALLEST), within(y, 0, 1 - SMALLEST)];
        [right, bottom] = [left + SMALLEST, top + SMALLEST];
        corner = handles[3];
      }
      (corner?.handle ?? frame).focus();
      svg.setPointerCapture(event.pointerId);
      const drag = (next) => {
        const [nextX, nextY] = place(next);
        move(corner?.x, corner?.y, nextX - x, nextY - y);
        [x, y] = [nextX, nextY];
      };
      svg.addEventListener("pointermove", drag);
      svg.addEventListener("lostpointercapture", () => {
        svg.removeEventListener("pointermove", drag);
        search(0);
      }, { once: true });
    });

    tools.addEventListener("keydown", (event) => {
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const [dx, dy] = (arrows[event.key] ?? [0, 0]).map((step) => step * STEP * (event.shiftKey ? 5 : 1));
      if (!dx && !dy) return;
      event.preventDefault();
      const corner = handles.find((each) => each.handle === event.target);
      move(corner?.x, corner?.y, dx, dy);
      search(WAIT_MS);
    });

    function show() {
      button.setAttribute("aria-pressed", String(cropping));
      help.hidden = !cropping;
      svg.classList.toggle("cropping", cropping);
      svg.setAttribute("role", cropping ? "group" : "img"); // an image has no parts for a screen reader
      if (!cropping) return tools.remove();
      svg.append(tools);
      draw();
    }

    function leave() {
      cropping = false;
      show();
      button.focus({ preventScroll: true });
    }

    function cancel() {
      clearTimeout(timer);
      const changed = timer || input.value !== before;
      input.value = before;
      leave();
      if (changed) input.dispatchEvent(new Event("change", { bubbles: true }));
    }

    button.addEventListener("click", () => {
      if (cropping) return leave();
      [cropping, before] = [true, input.value];
      show();
      frame.focus({ preventScroll: true });
      svg.scrollIntoView({ block: "nearest" });
    });
    help.querySelector("#crop-done").addEventListener("click", leave);
    help.querySelector("#crop-cancel").addEventListener("click", cancel);
    stop = cancel;
    redraw = draw;
    show();
  }

  window.addEventListener("resize", () => redraw());
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && cropping) stop(); });

  document.addEventListener("rpf:swapped", setUp);
  setUp();
})();
