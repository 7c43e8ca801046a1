"use strict";
// The preview pictures over time: a slider, a player, and a strip with one of the pictures at several times.
const Film = (() => {
  const root = document.getElementById("film");
  if (!root) return { show() {} };
  const FRAME_MS = 300, IN_STRIP = 10;
  const [slider, play, moment] = ["#time", "#play", "#moment"].map((id) => root.querySelector(id));
  const shots = [...root.querySelectorAll(".shot")], strip = root.querySelector(".strip");
  const pictures = shots.map((shot) => shot.querySelector("img.translation"));
  let files = [], labels = [], at = 0, chosen = 0, playing = false;

  function go(index) {
    at = Math.min(files.length - 1, Math.max(0, index));
    slider.value = at;
    moment.textContent = labels[at];
    slider.setAttribute("aria-valuetext", labels[at]);
    for (const picture of pictures) if (picture.getAttribute("src") !== files[at]) picture.src = files[at];
    showInStrip();
  }

  // Marks what is nearest in time, and scrolls the strip to it; scrollIntoView might scroll the page too.
  function showInStrip() {
    const near = strip.children[Math.round((at * (strip.children.length - 1)) / (files.length - 1))];
    for (const button of strip.children) button.classList.toggle("here", button === near);
    if (!near) return;
    const middle = ({ left, width }) => left + width / 2;
    strip.scrollLeft += middle(near.getBoundingClientRect()) - middle(strip.getBoundingClientRect());
  }

  function drawStrip() {
    const last = files.length - 1, count = Math.min(IN_STRIP, files.length);
    strip.hidden = count < 2;
    strip.replaceChildren();
    shots.forEach((shot, k) => shot.classList.toggle("chosen", k === chosen && count > 1));
    for (let k = 0; count > 1 && k < count; k++) {
      const frame = Math.round((k * last) / (count - 1)), button = document.createElement("button");
      button.type = "button";
      button.dataset.frame = frame;
      const cell = pictures[chosen].parentElement.cloneNode(true), label = document.createElement("span");
      cell.querySelector("img").src = files[frame];
      label.textContent = labels[frame];
      button.append(cell, label);
      button.addEventListener("click", () => stopAt(frame));
      strip.append(button);
    }
  }

  // Resolves once the frame can be shown without a flash.
  function loaded(index) {
    const image = new Image();
    image.src = files[index];
    return image.decode().catch(() => {});
  }

  async function run() {
    if (at === files.length - 1) go(0);
    while (playing && at < files.length - 1) {
      await Promise.all([loaded(at + 1), new Promise((resolve) => setTimeout(resolve, FRAME_MS))]);
      if (playing) go(at + 1);
    }
    setPlaying(false);
  }

  function setPlaying(value) {
    const begin = value && !playing;
    playing = value;
    play.textContent = playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", playing ? "pause" : "play");
    play.title = playing ? "pause" : "play";
    if (begin) run();
  }

  function stopAt(index) {
    setPlaying(false);
    go(index);
  }

  slider.addEventListener("input", () => stopAt(Number(slider.value)));
  play.addEventListener("click", () => setPlaying(!playing));
  shots.forEach((shot, k) => shot.addEventListener("click", () => {
    chosen = k;
    const large = shot.classList.contains("large");
    for (const other of shots) other.classList.remove("large");
    shot.classList.toggle("large", !large);
    drawStrip();
    go(at);
  }));
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest && event.target.closest("input, select, textarea, pre");
    if (busy || event.ctrlKey || event.altKey || event.metaKey || files.length < 2) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) stopAt(at + step);
  });

  // film: { files, labels }, oldest first
  function show(film) {
    if (!film || (film.files.length === files.length && film.files.every((file, k) => file === files[k]))) return;
    const follow = at === files.length - 1 || !files.length, current = files[at];
    ({ files, labels } = film);
    slider.max = files.length - 1;
    slider.hidden = play.hidden = files.length < 2;
    drawStrip();
    const same = files.indexOf(current);
    go(follow && !playing ? files.length - 1 : same >= 0 ? same : Math.min(at, files.length - 1));
  }

  return { show };
})();
