"use strict";
// Shows the content of data.js, and reloads it while the run may go on. Texts are never inserted as HTML.
(() => {
  const OFTENEST = 2, SELDOMEST = 30, HIDDEN = 60, SILENCE = 300; // seconds
  const opened = Date.now(), find = (id) => document.getElementById(id);
  let timer = null, batch = null, unreachable = false;

  function make(name, text, parts = []) {
    const made = document.createElement(name);
    if (text !== null) made.textContent = text;
    made.append(...parts);
    return made;
  }

  // -------------------------------------------------------------------- the parts of the page

  function ago(seconds) {
    if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    return seconds < 129600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
  }

  function showState(data) {
    const age = Date.now() / 1000 - data.updated, training = data.state === "training";
    const silent = training && age > Math.max(SILENCE, 4 * (data.expected || 0));
    const state = find("state");
    state.dataset.state = silent ? "silent" : data.state;
    state.textContent = silent ? `no news for ${ago(age)}` : data.state;
    const when = new Date(data.updated * 1000).toLocaleString();
    find("updated").textContent = unreachable ? "this page's files cannot be reached at the moment"
      : training ? `updated ${ago(age)} ago` : `on ${when}`;
    find("updated").title = when;
    document.title = training && !silent ? `${Math.floor(100 * data.done)} % · ${data.title}` : data.title;
  }

  function showFacts(data) {
    find("done").value = data.done;
    const fact = ([name, text]) => make("div", null, [make("dt", name), make("dd", text)]);
    find("facts").replaceChildren(...data.facts.map(fact));
  }

  function showTable(table) {
    if (!table) return;
    find("measures").hidden = false;
    const cell = (text, line, column) => make(line && column ? "td" : "th", text);
    const rows = table.lines.map((line, k) => {
      const row = make("tr", null, line.map((text, column) => cell(text, k, column)));
      row.classList.toggle("deciding", k === table.deciding);
      return row;
    });
    find("table").replaceChildren(make("tbody", null, rows));
    find("notes").textContent = table.notes.join(" ");
  }

  function showBatch(data) {
    const version = data.batch && `${data.page}.${data.batch.version}`;
    if (!data.batch || version === batch) return;
    const first = batch === null && find("batch").querySelector("img"); // the page has these pictures already
    batch = version;
    if (first) return;
    const section = find("batch"), pictures = make("div", null);
    pictures.className = "pictures";
    for (const { label, file, width, height } of data.batch.pictures) {
      const image = make("img", null), link = make("a", null, [image]);
      image.src = `${file}?${version}`; // the file keeps its name, so the browser would show the old one
      image.alt = label;
      image.width = data.width;
      image.height = Math.max(1, Math.round((data.width * height) / width));
      link.href = file;
      pictures.append(make("figure", null, [link, make("figcaption", label)]));
    }
    section.querySelector("h2").textContent = `The current batch, epoch ${data.batch.epoch}`;
    for (const old of section.querySelectorAll(".pictures, .note:not(#history)")) old.remove();
    section.querySelector("h2").after(pictures);
    const links = data.batch.pages.map(([label, file]) => Object.assign(make("a", label), { href: file }));
    find("history").replaceChildren("Pictures of each epoch: ", ...links);
    find("history").hidden = !links.length;
  }

  function showMessages(messages) {
    find("messages").hidden = !messages.length;
    const line = (text) => make(text.includes("  ") ? "pre" : "div", text); // a table's line, or a sentence
    const said = messages.map((text) => make("li", null, text.split("\n").map(line)));
    find("messages").querySelector("ul").replaceChildren(...said);
  }

  function showCurves(data) {
    const each = (curves, more) => Object.fromEntries(
      Object.entries(curves.y).map(([name, y]) => [name, { x: curves.x, y, ...more(name) }]));
    const measured = (name) => {
      const decides = Boolean(data.best) && name === data.best.label;
      return { spread: data.spread.y[name], best: data.best, decides, dots: true, exact: true };
    };
    Curves.show(find("measures"), each(data.measures, measured));
    const pace = each(data.speed, (name) => ({ exact: name === "learning rate" }));
    Curves.show(find("losses"), { ...each(data.losses, () => ({})), ...pace });
  }

  function show(data) {
    showState(data);
    showFacts(data);
    showTable(data.table);
    Film.show(data.film);
    showBatch(data);
    showMessages(data.messages);
    showCurves(data);
  }

  // -------------------------------------------------------------------- staying up to date

  function load() {
    const script = document.createElement("script");
    const after = (reached) => {
      script.remove();
      unreachable = !reached;
      const data = window.runData;
      // When the run was started again, its options and previews may have changed.
      const other = data && (data.page !== Number(document.body.dataset.page) || (data.film && !find("film")));
      if (other && Date.now() - opened > 10000) return location.reload();
      if (data) reached ? show(data) : showState(data);
      wait();
    };
    script.onload = () => after(true);
    script.onerror = () => after(false);
    script.src = `data.js?${Date.now()}`;
    document.head.append(script);
  }

  function wait() {
    clearTimeout(timer);
    const data = window.runData;
    if (data && data.state === "finished") return;
    const training = data && data.state === "training";
    const soon = training ? Math.min(SELDOMEST, Math.max(OFTENEST, (data.expected || 0) / 3)) : HIDDEN;
    timer = setTimeout(load, 1000 * (document.hidden ? HIDDEN : soon));
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !(window.runData && window.runData.state === "finished")) {
      clearTimeout(timer);
      load();
    }
  });
  setInterval(() => window.runData && showState(window.runData), 5000);
  if (window.runData) show(window.runData);
  wait();
})();
