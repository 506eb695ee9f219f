// The live page: what the server tells becomes pictures, and buttons become orders.

import { histogram, lines, written } from "./charts.js";

const RUNS = ["--accent", "--second", "--good", "--bad", "--run4", "--run5", "--run6", "--run7"];
const MOST = 2000; // points of a run that are kept here
const SECTIONS_EVERY = 3000; // milliseconds between two drafts of the report
const byId = (id) => document.getElementById(id);
const colour = (number) => `var(${RUNS[number % RUNS.length]})`;
const percent = (share) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`);

let runs = []; // of each: what does not change, seen, points, after
let chosen = 0;
let fields = { layer: 0, first: 0, weights: -1, shown: null, asked: false };
let report = { epochs: -1, run: -1, at: 0, asked: false };
let drawn = false;

// What the server tells

function connect() {
  const source = new EventSource("events");
  source.addEventListener("all", (event) => begin(JSON.parse(event.data)));
  source.addEventListener("news", (event) => {
    take(JSON.parse(event.data));
    draw();
  });
  source.addEventListener("open", () => say("live", "live"));
  source.addEventListener("error", () => {
    say("lost", "no connection; metabit watch has ended, or will be found again");
    // A browser gives up after some answers, such as a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

function say(state, text) {
  byId("link").className = state;
  byId("link").textContent = text;
}

function begin(known) {
  runs = known.runs.map((fixed, number) => ({ ...fixed, number, seen: {}, points: [], after: [] }));
  chosen = Math.min(chosen, runs.length - 1);
  byId("runs").replaceChildren(...runs.map(card));
  known.now.forEach(take);
  choose(chosen);
}

function take(news) {
  const run = runs[news.run];
  run.seen = news.seen;
  run.points = thinned(run.points.concat(news.points));
  run.after = thinned(run.after.concat(news.after));
}

function thinned(points) {
  return points.length < 2 * MOST ? points : points.filter((_, index) => index % 2);
}

// Orders

async function order(number, what) {
  const answer = await fetch(`runs/${number}/${what}`, { method: "POST" });
  if (!answer.ok) say("lost", (await answer.text()).trim());
}

// A card for each run

function made(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function card(run) {
  const button = (text, what, title) =>
    made("button", { type: "button", textContent: text, title, onclick: () => order(run.number, what) });
  const parts = {
    state: made("span", { className: "badge" }),
    progress: made("progress", { max: 1, value: 0 }),
    where: made("p"),
    train: made("dd"),
    test: made("dd"),
    rate: made("dd"),
    message: made("p"),
    go: made("button", { type: "button", className: "main" }),
    tile: button("Tile", "step-tile", "go on for one tile"),
    span: button("Span", "step-span", "go on to the end of the span"),
    epoch: button("Epoch", "step-epoch", "go on to the end of the epoch"),
    save: button("Save", "save", run.out ? `save ${run.out}` : "make a checkpoint to download"),
    file: made("a", { href: `runs/${run.number}/checkpoint.npz`, textContent: "checkpoint", hidden: true }),
    page: made("a", { href: `runs/${run.number}/report.html`, textContent: "report" }),
  };
  parts.progress.setAttribute("aria-label", `progress of ${run.name}`);
  parts.message.setAttribute("role", "status");
  parts.go.onclick = () => order(run.number, run.seen.state === "paused" ? "resume" : "pause");
  const title = runs.length > 1 ? `${run.number + 1}: ${run.name}` : run.name;
  const name = made("button", { type: "button", textContent: title, onclick: () => choose(run.number) });
  run.parts = parts;
  run.name_ = name;
  run.card = made(
    "article",
    { className: "run" },
    made("h2", {}, name, parts.state),
    made("p", { textContent: `${run.dataset}, ${run.place}` }),
    made(
      "dl",
      {},
      made("dt", { textContent: "training" }),
      parts.train,
      made("dt", { textContent: "test" }),
      parts.test,
      made("dt", { textContent: "samples/s" }),
      parts.rate,
    ),
    parts.where,
    parts.progress,
    made("p", { className: "bar-of-buttons" }, parts.go, parts.tile, parts.span, parts.epoch, parts.save, parts.file, parts.page),
    parts.message,
  );
  run.card.style.setProperty("--own", colour(run.number));
  return run.card;
}

function drawCard(run) {
  const { parts, seen } = run;
  const over = ["finished", "stopped", "failed"].includes(seen.state);
  const set = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };
  set(parts.state, seen.state);
  parts.state.className = `badge ${seen.state}`;
  set(parts.train, percent(seen.train));
  set(parts.test, run.test_samples && seen.test !== null ? percent(seen.test) : "–");
  set(parts.rate, written(seen.rate));
  set(parts.where, `epoch ${seen.epoch} of ${seen.epochs}, sample ${written(seen.sample)} of ${written(seen.samples)}`);
  parts.progress.value = seen.done / seen.epochs;
  set(parts.go, seen.state === "paused" ? "Resume" : "Pause");
  for (const button of [parts.go, parts.tile, parts.span, parts.epoch, parts.save]) button.hidden = over;
  parts.file.hidden = !seen.saved;
  set(parts.message, seen.message);
  run.card.classList.toggle("chosen", runs.length > 1 && run.number === chosen);
  run.name_.setAttribute("aria-pressed", String(run.number === chosen));
}

// The run that is chosen

function choose(number) {
  chosen = number;
  const run = runs[number];
  fields = { layer: 0, first: 0, weights: -1, shown: null, asked: false };
  report.epochs = -1;
  byId("chosen").hidden = byId("fields-box").hidden = false;
  byId("chosen-title").textContent = runs.length > 1 ? `${run.name}, in detail` : "What moves";
  byId("network").textContent = `${run.network}, ${run.encoder}, ${run.dataset}, split ${run.split}, ${run.place}`;
  byId("layer").replaceChildren(
    ...Array.from({ length: run.layers }, (_, layer) => made("option", { value: layer, textContent: layer })),
  );
  byId("counters").replaceChildren(
    ...Array.from({ length: run.layers }, () =>
      made("figure", { className: "histogram" }, made("div"), made("figcaption")),
    ),
  );
  draw();
}

function draw() {
  // Scrolling may come before anything is known.
  if (drawn || !runs.length) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    for (const run of runs) drawCard(run);
    drawAccuracy();
    drawChosen(runs[chosen]);
    drawFields(runs[chosen]);
    drawReport(runs[chosen]);
  });
}

function drawAccuracy() {
  const series = [];
  const several = runs.length > 1;
  for (const run of runs) {
    const own = colour(run.number);
    // Where epochs go by faster than looks, and where nobody looked, epochs tell more.
    const each = run.after.length > run.points.length ? [] : run.points;
    const train = each.map((point) => [point.x, 100 * point.train]);
    const test = run.after.filter((epoch) => epoch.test !== null).map((epoch) => [epoch.epoch, 100 * epoch.test]);
    const short = several ? `${run.number + 1}: ` : "";
    const before = run.after.filter((epoch) => !train.length || epoch.epoch < train[0][0]);
    const whole = before.map((epoch) => [epoch.epoch, 100 * epoch.train]).concat(train);
    series.push({ label: `${short}train`, colour: several ? own : "var(--second)", points: whole, faint: true });
    series.push({ label: `${short}test`, colour: own, points: test, dots: true });
  }
  lines(byId("accuracy"), series, { name: "Accuracy in per cent over epochs", unit: " %", top: 100, least: 10 });
}

function drawChosen(run) {
  const { seen, points } = run;
  const layers = Array.from({ length: run.layers }, (_, layer) => layer);
  const label = (layer) => (run.layers > 1 ? `layer ${layer}` : "");
  const chart = (id, name, key, factor) =>
    lines(
      byId(id),
      layers.map((layer) => ({
        label: label(layer),
        colour: colour(layer),
        points: points.map((point) => [point.x, point[key][layer] === null ? null : factor * point[key][layer]]),
      })),
      { name, zero: true },
    );
  chart("triggers", "Samples that triggered an update, in per cent", "triggers", 100);
  chart("updates", "Winner neurons updated per sample", "updates", 1);
  chart("flips", "Weights per sample whose sign is another than at the look before", "flips", 1);
  lines(byId("rates"), [{ label: "", colour: "var(--accent)", points: points.map((point) => [point.x, point.rate]) }], {
    name: "Samples a second",
    zero: true,
  });
  byId("rate").textContent = written(seen.rate);
  byId("limit").textContent = seen.possible ? `${written(seen.possible)} a second are possible, ${seen.limit}` : "";
  seen.layers.forEach((layer, number) => {
    const [box, caption] = byId("counters").children[number].children;
    const limited = layer.limited === null ? "" : `, ${percent(layer.limited)} ${layer.zeros ? "zero" : "saturated"}`;
    const about = `layer ${number}: ${layer.neurons} neurons of ${layer.fan_in} inputs${limited}`;
    histogram(box, layer.histogram, colour(number), `${about}; from the most negative to the most positive`);
    caption.textContent = about;
  });
  const phases = Object.entries(seen.cycles);
  byId("phases-box").hidden = !phases.length;
  const whole = Math.max(1e-9, ...phases.map((phase) => phase[1]));
  byId("phases").replaceChildren(
    ...phases.map(([name, cycles]) => {
      const bar = made("i");
      bar.style.width = `${(100 * cycles) / whole}%`;
      return made(
        "div",
        { className: "phase" },
        made("span", { textContent: name }),
        made("div", { className: "bar" }, bar),
        made("span", { textContent: written(cycles) }),
      );
    }),
  );
  drawTile(run);
  const share = seen.seconds ? (100 * seen.looking) / (seen.seconds + seen.looking) : 0;
  byId("cost").textContent = `${seen.looks} looks have taken ${share.toFixed(2)} % of the time of this training.`;
}

function drawTile(run) {
  const { tile } = run.seen;
  byId("tile").hidden = !tile?.length;
  if (!tile?.length) return;
  const key = `${run.number} ${run.seen.version}`;
  if (byId("tile-samples").dataset.key === key) return;
  byId("tile-samples").dataset.key = key;
  byId("tile-samples").replaceChildren(
    ...tile.map((sample) => {
      const right = sample.label === sample.prediction;
      const found = sample.prediction < 0 ? "neither" : run.classes[sample.prediction];
      const text = right ? found : `${found}, is ${run.classes[sample.label]}`;
      const image = made("img", {
        src: `runs/${run.number}/samples/train/${sample.sample}.png`,
        alt: `sample ${sample.sample}, class ${run.classes[sample.label]}`,
      });
      return made(
        "div",
        { className: right ? "sample right-one" : "sample wrong" },
        image,
        made("p", { textContent: sample.view ? `${text} (moved)` : text }),
      );
    }),
  );
}

// Fields and report are asked for only while somebody can see them.

function near(node) {
  const box = node.getBoundingClientRect();
  return !document.hidden && box.top < innerHeight + 300 && box.bottom > -300;
}

async function drawFields(run) {
  if (fields.asked || fields.weights === run.seen.weights || !near(byId("fields-box"))) return;
  fields.asked = true;
  const { layer, first } = fields;
  try {
    const place = `runs/${run.number}/fields/${layer}`;
    if (fields.shown === null) {
      const about = await (await fetch(`${place}?first=${first}`)).json();
      if (layer !== fields.layer || first !== fields.first || run.number !== chosen) return;
      layFields(about);
    }
    // Loaded before it is shown, so that nothing flickers.
    const picture = new Image();
    picture.src = `${place}.png?first=${fields.shown.first}&weights=${run.seen.weights}`;
    const { weights } = run.seen;
    await picture.decode();
    if (layer !== fields.layer || first !== fields.first || run.number !== chosen) return;
    byId("fields").style.setProperty("--sheet", `url("${picture.src}")`);
    fields.weights = weights;
  } catch (error) {
    console.warn(error);
  } finally {
    fields.asked = false;
  }
}

function layFields(about) {
  fields.shown = about;
  const count = about.titles.length;
  const box = byId("fields");
  const style = {
    "--count": count,
    "--steps": Math.max(1, count - 1),
    "--wide": about.width,
    "--high": about.height,
    "--least": `${Math.min(230, Math.max(72, 4 * about.width))}px`,
  };
  for (const [name, value] of Object.entries(style)) box.style.setProperty(name, value);
  box.replaceChildren(
    ...about.titles.map((title, number) => {
      const picture = made("i");
      picture.style.setProperty("--n", number);
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `field of neuron ${title}`);
      return made("figure", { className: "look" }, picture, made("figcaption", { textContent: title }));
    }),
  );
  const deep = about.layer ? "Weights of deeper layers are traced back to the input, a linear approximation. " : "";
  byId("fields-about").textContent = deep + (about.maps.length > 1 ? `A field is ${about.maps.length} maps, row by row.` : "");
  byId("which").textContent = `neurons ${about.first} to ${about.first + count - 1} of ${about.neurons}`;
  byId("fewer").disabled = about.first === 0;
  byId("more").disabled = about.first + count >= about.neurons;
  byId("maps-box").hidden = about.maps.length < 2;
  byId("maps").replaceChildren(...about.maps.map((name) => made("li", { textContent: name })));
}

function turn(layer, first) {
  fields = { layer, first, weights: -1, shown: null, asked: false };
  draw();
}

async function drawReport(run) {
  const now = performance.now();
  const known = report.run === run.number && report.epochs === run.seen.epochs_known;
  if (report.asked || known || now < report.at || !near(byId("report"))) return;
  report.asked = true;
  try {
    const answer = await fetch(`runs/${run.number}/sections`);
    const epochs = Number(answer.headers.get("metabit-epochs"));
    const text = await answer.text();
    if (run.number !== chosen) return;
    const box = byId("report");
    const open = [...box.querySelectorAll("details")].map((node) => node.open);
    box.innerHTML = text;
    box.querySelectorAll("details").forEach((node, number) => {
      if (number < open.length) node.open = open[number];
    });
    report = { ...report, run: run.number, epochs };
  } catch (error) {
    console.warn(error);
  } finally {
    report.asked = false;
    report.at = performance.now() + SECTIONS_EVERY;
    // The last draft may have been one of before, as none is drawn too often.
    setTimeout(draw, SECTIONS_EVERY + 50);
  }
}

byId("layer").addEventListener("change", (event) => turn(Number(event.target.value), 0));
byId("fewer").addEventListener("click", () => turn(fields.layer, Math.max(0, fields.shown.first - fields.shown.titles.length)));
byId("more").addEventListener("click", () => turn(fields.layer, fields.shown.first + fields.shown.titles.length));
const sight = new IntersectionObserver(draw, { rootMargin: "300px" });
sight.observe(byId("fields-box"));
sight.observe(byId("report"));
addEventListener("resize", draw);
document.addEventListener("visibilitychange", draw);
connect();
