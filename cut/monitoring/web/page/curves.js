"use strict";
// Small charts that share their axis, the epochs: zooming or pointing in one does the same in all.
const Curves = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = 150, LEFT = 48, RIGHT = 10, TOP = 8, BOTTOM = 20;
  const DRAG = 8; // pixels; a shorter movement is a click
  const VIEWS = [["whole run", 1], ["last half", 0.5], ["last tenth", 0.1]];
  const MEANINGS = {
    G_GAN: "How far the discriminator is from taking translations for real images; the generator lowers it.",
    G: "The total loss of the generator.",
    D_real: "The discriminator's loss on real images. Near 0 on both sides it has won.",
    D_fake: "The discriminator's loss on translations.",
    NCE: "PatchNCE: how well a patch of the translation is told from others of the image, by the patch it came from. "
      + "High means that content is lost.",
    NCE_Y: "PatchNCE of target images and their own translations: the generator should leave them as they are.",
    idt: "L1 distance of target images from their own translations.",
  };
  const charts = new Map();
  let view = { share: 1 }; // the newest part of the run, or { from, to } in epochs
  let log = false, cursor = null;

  // -------------------------------------------------------------------- numbers

  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

  function text(value) {
    if (!known(value)) return "–";
    const size = Math.abs(value);
    const tiny = size !== 0 && (size < 1e-3 || size >= 1e7);
    return tiny ? value.toExponential(2).replace(/\.?0+e/, "e") : String(Number(value.toPrecision(4)));
  }

  function ticks(low, high, count) {
    const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
      found.push(Number((k * step).toPrecision(12)));
    }
    return found;
  }

  // Mean over a fiftieth of the points on either side, nearer ones counting more: single steps are mostly noise.
  function smoothed(values) {
    const reach = Math.max(2, Math.round(values.length / 50));
    return values.map((own, at) => {
      let sum = 0, weights = 0;
      for (let k = Math.max(0, at - reach); k <= Math.min(values.length - 1, at + reach); k++) {
        if (!known(values[k])) continue;
        const weight = reach + 1 - Math.abs(k - at);
        sum += weight * values[k];
        weights += weight;
      }
      return known(own) && weights ? sum / weights : null;
    });
  }

  function window_() {
    let first = 0, last = 0;
    for (const { curve } of charts.values()) if (curve.x.length) last = Math.max(last, curve.x[curve.x.length - 1]);
    if (view.from !== undefined) return [view.from, view.to];
    first = last * (1 - view.share);
    return [first, last > first ? last : first + 1];
  }

  // -------------------------------------------------------------------- drawing

  function element(parent, name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return parent.appendChild(made);
  }

  function path(xs, ys) {
    let drawn = "", pen = false;
    xs.forEach((x, k) => {
      if (Number.isFinite(ys[k])) drawn += `${pen ? "L" : "M"}${x.toFixed(1)},${ys[k].toFixed(1)}`;
      pen = Number.isFinite(ys[k]);
    });
    return drawn;
  }

  // Least and greatest value to show; one outlier in a hundred may leave the chart, or the rest would be flat.
  function range(chart, inside) {
    const { curve, smooth } = chart;
    let values = inside.map((k) => curve.y[k]).filter(known).sort((a, b) => a - b);
    if (smooth) {
      const cut = Math.floor(values.length / 100);
      values = values.slice(cut, values.length - cut).concat(inside.map((k) => smooth[k]).filter(known));
    }
    if (curve.spread) {
      for (const k of inside) {
        if (!known(curve.spread[k]) || !known(curve.y[k])) continue;
        values.push(curve.y[k] - curve.spread[k], curve.y[k] + curve.spread[k]);
      }
    }
    if (curve.decides) values.push(curve.best.value);
    if (log) values = values.filter((value) => value > 0).map(Math.log10);
    if (!values.length) return [0, 1];
    const low = Math.min(...values), high = Math.max(...values);
    const margin = high > low ? 0.04 * (high - low) : 0.1 * Math.abs(high) || 1;
    return [low - margin, high + margin];
  }

  function draw(chart) {
    const { svg, curve } = chart, width = svg.clientWidth;
    if (!width) return;
    svg.replaceChildren();
    const [from, to] = window_(), inner = width - LEFT - RIGHT, height = HEIGHT - TOP - BOTTOM;
    const inside = curve.x.map((_, k) => k).filter((k) => curve.x[k] >= from && curve.x[k] <= to);
    chart.smooth = curve.exact || curve.x.length < 20 ? null : smoothed(curve.y);
    const [low, high] = range(chart, inside);
    const across = (x) => ((x - from) / (to - from)) * inner;
    const down = (value) => {
      if (!known(value) || (log && value <= 0)) return NaN;
      return (1 - ((log ? Math.log10(value) : value) - low) / (high - low)) * height;
    };
    Object.assign(chart, { from, to, inner, across, down });

    for (const value of ticks(low, high, 5)) {
      const at = TOP + (1 - (value - low) / (high - low)) * height;
      element(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at });
      const label = element(svg, "text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" });
      label.textContent = text(log ? 10 ** value : value);
    }
    const marks = ticks(from, to, Math.max(2, Math.floor(inner / 80)));
    marks.forEach((value, k) => {
      const anchor = LEFT + across(value) > width - 30 ? "end" : "middle";
      const label = element(svg, "text", { x: LEFT + across(value), y: HEIGHT - 4, "text-anchor": anchor });
      label.textContent = k === marks.length - 1 ? `epoch ${text(value)}` : text(value);
    });

    const plot = element(svg, "svg", { x: LEFT, y: TOP, width: inner, height, overflow: "hidden" });
    const xs = curve.x.map(across);
    if (curve.spread) {
      const has = curve.x.map((_, k) => k).filter((k) => known(curve.spread[k]) && known(curve.y[k]));
      const upper = has.map((k) => [xs[k], down(curve.y[k] + curve.spread[k])]);
      const lower = has.map((k) => [xs[k], down(curve.y[k] - curve.spread[k])]).reverse();
      const corners = upper.concat(lower).filter(([, y]) => Number.isFinite(y));
      const points = corners.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
      element(plot, "polygon", { class: "band", points });
    }
    if (chart.smooth) element(plot, "path", { class: "raw", d: path(xs, curve.y.map(down)) });
    element(plot, "path", { class: "line", d: path(xs, (chart.smooth || curve.y).map(down)) });
    const over = element(svg, "g", { transform: `translate(${LEFT} ${TOP})` }); // what may extend beyond the edge
    const best = curve.best && curve.best.epoch >= from && curve.best.epoch <= to ? curve.best : null;
    if (best) {
      const x = across(best.epoch);
      element(plot, "line", { class: "best-line", x1: x, x2: x, y1: 0, y2: height });
    }
    if (curve.dots && inside.length <= 80) {
      for (const k of inside) {
        const y = down(curve.y[k]);
        if (Number.isFinite(y)) element(over, "circle", { class: "dot", cx: xs[k], cy: y, r: 2.5 });
      }
    }
    if (best && curve.decides && Number.isFinite(down(best.value))) {
      element(over, "circle", { class: "best", cx: across(best.epoch), cy: down(best.value), r: 5 });
    }
    chart.overlay = element(plot, "g", {});
    chart.height = height;
    point(chart);
  }

  // The value where the pointer is, else the last.
  function point(chart) {
    const { curve, overlay } = chart, shown = chart.smooth || curve.y;
    if (!overlay) return;
    overlay.replaceChildren();
    const has = curve.x.map((_, k) => k).filter((k) => known(shown[k]));
    if (!has.length) return void (chart.value.textContent = "–");
    if (cursor === null) {
      chart.value.textContent = text(shown[has[has.length - 1]]);
    } else {
      const at = has.reduce((near, k) => Math.abs(curve.x[k] - cursor) < Math.abs(curve.x[near] - cursor) ? k : near);
      const spread = curve.spread && known(curve.spread[at]) ? ` ± ${text(curve.spread[at])}` : "";
      chart.value.textContent = `epoch ${text(curve.x[at])}: ${text(shown[at])}${spread}`;
      const x = chart.across(curve.x[at]);
      element(overlay, "line", { class: "cursor", x1: x, x2: x, y1: 0, y2: chart.height });
    }
    if (chart.drag) {
      const [a, b] = [chart.drag.from, chart.drag.to].sort((p, q) => p - q);
      element(overlay, "rect", { class: "range", x: a, y: 0, width: b - a, height: chart.height });
    }
  }

  const drawAll = () => charts.forEach(draw);
  const pointAll = () => charts.forEach(point);

  // -------------------------------------------------------------------- pointer and wheel

  function setView(next) {
    view = next;
    cursor = null;
    for (const button of document.querySelectorAll(".tools [data-share]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.share) === view.share));
    }
    drawAll();
  }

  function listen(chart) {
    const { svg } = chart;
    const place = (event) => {
      const x = event.clientX - svg.getBoundingClientRect().left - LEFT;
      return Math.min(chart.inner, Math.max(0, x));
    };
    const epoch = (pixel) => chart.from + (pixel / chart.inner) * (chart.to - chart.from);
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !chart.inner) return;
      svg.setPointerCapture(event.pointerId);
      chart.drag = { from: place(event), to: place(event) };
    });
    svg.addEventListener("pointermove", (event) => {
      if (!chart.inner) return;
      cursor = epoch(place(event));
      if (chart.drag) chart.drag.to = place(event);
      pointAll();
    });
    svg.addEventListener("pointerup", () => {
      const drag = chart.drag;
      chart.drag = null;
      if (!drag) return;
      const [from, to] = [epoch(drag.from), epoch(drag.to)].sort((a, b) => a - b);
      if (Math.abs(drag.to - drag.from) >= DRAG) setView({ from, to });
      else pointAll();
    });
    const leave = () => {
      chart.drag = null;
      cursor = null;
      pointAll();
    };
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("pointercancel", leave); // the browser scrolls the page instead
    svg.addEventListener("dblclick", () => setView({ share: 1 }));
    svg.addEventListener("wheel", (event) => {
      if (!(event.ctrlKey || event.metaKey) || !chart.inner) return; // the wheel alone scrolls the page
      event.preventDefault();
      const at = epoch(place(event)), factor = Math.exp(Math.sign(event.deltaY) * 0.25);
      setView({ from: Math.max(0, at - (at - chart.from) * factor), to: at + (chart.to - at) * factor });
    }, { passive: false });
  }

  function tools(section) {
    const bar = document.createElement("div");
    bar.className = "tools";
    bar.title = "Drag across a chart to zoom in, double-click to see all; Ctrl and the wheel zoom too.";
    const button = (label, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = label;
      made.addEventListener("click", act);
      return bar.appendChild(made);
    };
    for (const [label, share] of VIEWS) {
      const made = button(label, () => setView({ share }));
      made.dataset.share = share;
      made.setAttribute("aria-pressed", String(share === view.share));
    }
    const scale = button("log scale", () => {
      log = !log;
      for (const other of document.querySelectorAll(".tools .log")) other.setAttribute("aria-pressed", String(log));
      drawAll();
    });
    scale.className = "log";
    scale.setAttribute("aria-pressed", "false");
    section.querySelector(".charts").before(bar);
  }

  function chartFor(section, name) {
    const key = `${section.id} ${name}`;
    if (charts.has(key)) return charts.get(key);
    if (!section.querySelector(".tools")) tools(section);
    const box = document.createElement("div"), head = document.createElement("div");
    const label = document.createElement("span"), value = document.createElement("b");
    box.className = "chart";
    head.className = "name";
    label.textContent = name;
    if (MEANINGS[name]) label.title = MEANINGS[name];
    head.append(label, value);
    box.append(head);
    const svg = element(box, "svg", { role: "img", "aria-label": name });
    section.querySelector(".charts").append(box);
    const chart = { box, svg, value, curve: { x: [], y: [] } };
    charts.set(key, chart);
    listen(chart);
    new ResizeObserver(() => draw(chart)).observe(svg);
    return chart;
  }

  // curves: { name: { x, y, spread?, best?: { epoch, value }, decides?, dots?, exact? } }; the value of the best is the
  // deciding curve's; what is not exact is smoothed too
  function show(section, curves) {
    const drawable = Object.entries(curves).filter(([, curve]) => curve.y.some(known));
    if (drawable.length) section.hidden = false;
    for (const [name, curve] of drawable) {
      const chart = chartFor(section, name);
      chart.curve = curve;
      chart.box.classList.toggle("deciding", Boolean(curve.decides));
    }
    drawAll();
  }

  return { show };
})();
