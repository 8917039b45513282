// Follows a run: what it does now in words, and its last minute in pictures. All texts
// come ready from the server and are only ever set as text.
(() => {
  "use strict";
  const page = document.getElementById("live");
  const byID = (id) => document.getElementById(id);
  const minute = 60_000, height = 190, left = 64, right = 10, top = 20, bottom = 24;
  const svgNS = "http://www.w3.org/2000/svg";
  const draw = (tag, attributes, text) => {
    const e = document.createElementNS(svgNS, tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const make = (tag, properties, ...children) => {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  };
  const number = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

  // The pictures, and what of a frame each draws. Of lines that lie on each other the
  // wider one is drawn first.
  const charts = [
    { id: "tps", title: "Commits a second", lines: [{ of: (f) => f.tps, look: "one" }] },
    { id: "flushes", title: "Flushes a second", lines: [{ of: (f) => f.flush_per_s, look: "one" }] },
    { id: "p99", title: "p99 of a commit, ms", lines: [{ of: (f) => f.p99_ms, look: "one" }] },
    { id: "risk", title: "Commits at risk", lines: [
      { of: (f) => f.risk && f.risk[2], look: "power", name: "power cut" },
      { of: (f) => f.risk && f.risk[1], look: "os", name: "kernel crash" },
      { of: (f) => f.risk && f.risk[0], look: "process", name: "process crash" },
    ] },
  ];
  for (const chart of charts) {
    chart.svg = draw("svg", { role: "img", class: "chart" });
    const caption = make("figcaption", {}, make("strong", { textContent: chart.title }));
    for (const line of [...chart.lines].reverse()) {
      if (!line.name) continue;
      const sample = draw("svg", { class: "sample", viewBox: "0 0 32 10", width: 32, height: 10, "aria-hidden": "true" });
      sample.append(draw("path", { d: "M0 5H32", class: "line " + line.look }));
      caption.append(make("span", { className: "key" }, sample, line.name));
    }
    const figure = make("figure", { id: "chart-" + chart.id }, caption, chart.svg);
    byID("charts").append(figure);
  }

  // round returns the least of 1, 2, 5 times a power of ten that is v or more.
  const round = (v) => {
    const power = 10 ** Math.floor(Math.log10(v));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= v * 0.999999);
  };

  let frames = [], newest = null, paused = false, due = false, drawn = 0;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const drawChart = (chart, now) => {
    if (!frames.length) return;
    const width = Math.max(240, chart.svg.clientWidth || 600);
    // A young picture shows less than a minute.
    const span = [15_000, 30_000].find((n) => now - frames[0].at <= n) || minute;
    const x = (at) => left + (width - left - right) * (1 - (now - at) / span);
    let most = 0, last = "";
    for (const f of frames) for (const line of chart.lines) most = Math.max(most, line.of(f) ?? 0);
    const step = round((most || 2) / 4), ceiling = step * Math.ceil((most || 2) / step - 1e-6);
    const y = (v) => top + (height - top - bottom) * (1 - v / ceiling);
    const parts = [];
    for (let v = 0; v <= ceiling * 1.0001; v += step) {
      parts.push(draw("path", { class: "grid", d: `M${left} ${y(v).toFixed(1)}H${width - right}` }));
      parts.push(draw("text", { x: left - 8, y: (y(v) + 4).toFixed(1), "text-anchor": "end" }, number.format(v)));
    }
    for (let third = 3; third >= 0; third--) {
      const s = span / 3000 * third, anchor = third === 3 ? "start" : third ? "middle" : "end";
      parts.push(draw("text", { x: x(now - s * 1000).toFixed(1), y: height - 6, "text-anchor": anchor }, s ? `${s} s ago` : "now"));
    }
    // Each step gets a line where it begins, and its cell's name where there is room.
    for (let i = 0, j; i < frames.length; i = j) {
      for (j = i + 1; j < frames.length && frames[j].step === frames[i].step;) j++;
      const from = x(frames[i].at), to = x(j < frames.length ? frames[j].at : now);
      if (i) parts.push(draw("path", { class: "step", d: `M${from.toFixed(1)} ${top}V${height - bottom}` }));
      if (to - from > 7 * frames[i].cell.length) parts.push(draw("text", { class: "name", x: (from + 4).toFixed(1), y: top - 6 }, frames[i].cell));
    }
    for (const line of chart.lines) {
      let d = "", pen = false;
      for (const f of frames) {
        const v = line.of(f);
        if (v === null || v === undefined) { pen = false; continue; }
        d += `${pen ? "L" : "M"}${x(f.at).toFixed(1)} ${y(v).toFixed(1)}`;
        // A point without neighbours shows too.
        if (!pen) d += "h.1";
        pen = true;
      }
      parts.push(draw("path", { class: "line " + line.look, d }));
      const v = newest && line.of(newest);
      last += `${line.name ? " " + line.name : ""} ${v === null || v === undefined ? "not measured" : number.format(v)};`;
    }
    chart.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    chart.svg.setAttribute("aria-label", `${chart.title}, last minute. Now:${last} most: ${number.format(most)}`);
    chart.svg.replaceChildren(...parts);
  };

  const redraw = (time) => {
    due = false;
    if (!newest || (calm.matches && time - drawn < 1000)) return;
    drawn = time;
    for (const chart of charts) drawChart(chart, newest.at);
  };
  const soon = (resized) => {
    if (due || (paused && !resized)) return;
    due = true;
    requestAnimationFrame(redraw);
  };

  const set = (id, text) => {
    const e = byID(id);
    if (e && e.textContent !== text) e.textContent = text;
  };
  const see = (frame) => {
    if (newest && newest.step !== frame.step) set("said", frame.what);
    newest = frame;
    frames.push(frame);
    while (frames.length && frames[0].at < frame.at - minute) frames.shift();
    set("phase", frame.phase);
    set("what", frame.what);
    set("left", frame.left);
    byID("done").value = frame.done;
    for (const [id, text] of Object.entries(frame.now)) set("now-" + id, text);
    soon();
  };

  const pause = byID("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    soon();
  });
  new ResizeObserver(() => soon(true)).observe(byID("charts"));

  const source = new EventSource(page.dataset.events);
  source.addEventListener("open", () => set("problem", ""));
  source.addEventListener("live", (e) => see(JSON.parse(e.data)));
  source.addEventListener("reset", () => { frames = []; });
  source.addEventListener("end", () => {
    source.close();
    const over = newest && newest.over;
    set("problem", over ? "The run has ended." : "The run no longer answers.");
    byID("problem").className = over ? "ended" : "failed";
    set("left", "");
    byID("after").firstElementChild.textContent = "Its report";
    page.dataset.ended = "true";
  });
  source.addEventListener("error", () => {
    set("problem", source.readyState === EventSource.CLOSED
      ? "The server takes no more viewers now. Load the page again later."
      : "The server does not answer. Trying again.");
  });
})();
