// What a pointer or a keyboard adds to the pictures: values, series that can be
// hidden, zoom. The page can be read without it.
(() => {
  "use strict";
  const make = (tag, props, ...children) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children);
    return e;
  };
  const tip = make("div", { className: "tip", hidden: true });
  const said = make("div", { className: "hidden" });
  said.setAttribute("aria-live", "polite");
  document.body.append(tip, said);

  const showTip = (mark, x, y) => {
    tip.textContent = mark.text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 4)) + "px";
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18) + "px";
  };
  const hideTip = () => { tip.hidden = true; };

  // middle is where a mark stands on the screen.
  const middle = (mark) => {
    const b = mark.group.getBoundingClientRect();
    return { x: b.left + b.width / 2, y: b.top + b.height / 2, b };
  };
  const visible = (mark) => !mark.group.closest(".off");

  // nearest is the mark under the pointer, or the closest one within reach.
  const nearest = (marks, x, y) => {
    let best = null, least = 24;
    for (const mark of marks) {
      if (!visible(mark)) continue;
      const { x: mx, y: my, b } = middle(mark);
      const inside = x >= b.left && x <= b.right && y >= b.top && y <= b.bottom;
      const far = mark.point ? Math.hypot(mx - x, my - y) : 23;
      const d = inside ? Math.min(far, mark.point ? 12 : 23) : mark.point ? far : 99;
      if (d < least) { best = mark; least = d; }
    }
    return best;
  };

  for (const figure of document.querySelectorAll("figure")) {
    const svg = figure.querySelector("svg");
    const frame = figure.querySelector(".scroll");
    if (!svg || !frame) continue;
    const tools = make("div", { className: "tools" });
    figure.prepend(tools);

    // Values: what the browser would show late and not to a keyboard.
    const marks = [];
    for (const title of svg.querySelectorAll("g > title")) {
      const group = title.parentNode;
      marks.push({ group, text: title.textContent, point: group.classList.contains("point"), strip: group.classList.contains("strip") });
      title.remove();
    }
    let at = -1;
    const see = (mark) => {
      for (const m of marks) m.group.classList.toggle("seen", m === mark && (m.point || m.strip));
    };
    const clear = () => { at = -1; see(null); hideTip(); };
    let drag = null;
    svg.addEventListener("pointermove", (e) => {
      if (drag) return;
      const mark = nearest(marks, e.clientX, e.clientY);
      see(mark);
      if (mark) showTip(mark, e.clientX, e.clientY); else hideTip();
    });
    svg.addEventListener("pointerleave", clear);
    frame.addEventListener("blur", clear);
    const step = (by) => {
      const shown = marks.filter(visible);
      if (!shown.length) return;
      at = at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length;
      const mark = shown[at], { x, y } = middle(mark);
      see(mark);
      showTip(mark, x, y);
      said.textContent = mark.text;
    };

    // Series: a button for each.
    const names = [...new Set([...svg.querySelectorAll("[data-series]")].map((g) => g.dataset.series))];
    if (names.length > 1) for (const name of names) {
      const button = make("button", { type: "button", textContent: name, title: "Show or hide " + name });
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", on);
        for (const g of svg.querySelectorAll("[data-series]")) {
          if (g.dataset.series === name) g.classList.toggle("off", !on);
        }
        clear();
      });
      tools.append(button);
    }

    // Zoom: a piece of the picture fills the frame.
    const all = svg.viewBox.baseVal, whole = { x: all.x, y: all.y, w: all.width, h: all.height };
    let part = { ...whole };
    const look = (x, y, w) => {
      w = Math.max(whole.w / 16, Math.min(w, whole.w));
      const h = w * whole.h / whole.w;
      x = Math.max(whole.x, Math.min(x, whole.x + whole.w - w));
      y = Math.max(whole.y, Math.min(y, whole.y + whole.h - h));
      part = { x, y, w, h };
      svg.setAttribute("viewBox", [x, y, w, h].join(" "));
      svg.classList.toggle("zoomed", w < whole.w);
      hideTip();
    };
    // zoom keeps the place (fx, fy), shares of the frame, where it is.
    const zoom = (by, fx = 0.5, fy = 0.5) => {
      const w = Math.max(whole.w / 16, Math.min(part.w / by, whole.w)), h = w * whole.h / whole.w;
      look(part.x + (part.w - w) * fx, part.y + (part.h - h) * fy, w);
    };
    const reset = () => look(whole.x, whole.y, whole.w);
    const zooms = make("span", {});
    tools.append(zooms);
    for (const [text, label, act] of [["+", "Zoom in", () => zoom(1.5)], ["−", "Zoom out", () => zoom(1 / 1.5)], ["Whole", "Whole picture", reset]]) {
      const button = make("button", { type: "button", textContent: text, title: label, onclick: act });
      button.setAttribute("aria-label", label);
      zooms.append(button);
    }
    svg.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey) return; // a plain wheel scrolls the page
      e.preventDefault();
      const b = svg.getBoundingClientRect();
      zoom(e.deltaY < 0 ? 1.25 : 0.8, (e.clientX - b.left) / b.width, (e.clientY - b.top) / b.height);
    }, { passive: false });
    svg.addEventListener("pointerdown", (e) => {
      if (part.w >= whole.w || e.button) return;
      drag = { x: e.clientX, y: e.clientY, from: part };
      svg.setPointerCapture(e.pointerId);
      hideTip();
    });
    svg.addEventListener("pointermove", (e) => {
      if (!drag) return;
      const scale = part.w / svg.getBoundingClientRect().width;
      look(drag.from.x - (e.clientX - drag.x) * scale, drag.from.y - (e.clientY - drag.y) * scale, part.w);
    });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { drag = null; });
    frame.addEventListener("keydown", (e) => {
      if (e.target !== frame || e.ctrlKey || e.metaKey || e.altKey) return;
      const keys = {
        ArrowRight: () => step(1), ArrowLeft: () => step(-1), Escape: clear,
        "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": reset,
      };
      if (!keys[e.key]) return;
      e.preventDefault();
      keys[e.key]();
    });
    frame.setAttribute("aria-description", "Left and right arrows: values. Plus, minus, 0: zoom.");
  }
  // What is folded up is printed too.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
