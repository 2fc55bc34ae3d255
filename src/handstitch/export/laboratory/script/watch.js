// Watch it learn: one step of training on the drawing, slowed down; then a hundred.

const PAUSE = 2600; // milliseconds of a scene
const HUNDRED = 100;

const watch = {
  id: "watch",
  chosen: null, // {label, image}: the class that was chosen for an image
  isLent: false, // the picture is an example, as nothing was drawn
  scene: 0,
  isPlaying: false,
  original: null, // θ as it was trained, for undo
  losses: [],
  code: () => watch.scenes?.[watch.scene].code ?? "Network.forward",

  make() {
    watch.timer = clearTimeout(watch.timer);
    watch.isPlaying = false;
    watch.losses = [];
    watch.sentence = make("h1", { class: "sentence" });
    watch.figure = make("div", { class: "figure" });
    watch.words = make("div", { class: "words", role: "status" });
    watch.controls = make("div", { class: "controls" });
    return [watch.sentence, watch.figure, watch.words, watch.controls];
  },

  changed() {
    // A new picture, or another class: trace one step, and show its beginning.
    if (lab.drawing.isEmpty && lab.examples.length) {
      lab.drawing.put(lab.examples.subarray(0, DATA.sizes[0]), CHANNELS);
      lab.image.set(lab.examples.subarray(0, DATA.sizes[0]));
      watch.isLent = true;
    }
    watch.original ??= lab.network.parameters.copy();
    const probabilities = probabilitiesOf(lab.image);
    // The truth where it is known. Of a drawing it is not: the next best answer is a supposition.
    const [image, truth] = [String(lab.image), truthOf(lab.image)];
    const label = watch.chosen?.image === image ? watch.chosen.label : truth ?? ranking(probabilities)[1] ?? 0;
    watch.trace = traceStep(label);
    watch.scenes = makeScenes(watch.trace);
    watch.diagram = makeDiagram(watch.trace);
    watch.figure.replaceChildren(watch.diagram.svg);
    fill(watch.sentence, ...fillIn(say(label === truth ? "watch.should" : "watch.suppose"), [
      makeChoice("watch.label", label, (k) => { watch.restore(); watch.chosen = { label: k, image }; watch.changed(); })]));
    watch.losses = [];
    watch.running = null;
    watch.go(0);
  },

  go(to) {
    // Show a scene; the step itself is taken on the way into the last one.
    watch.timer = clearTimeout(watch.timer);
    const last = watch.scenes.length - 1;
    watch.scene = Math.max(0, Math.min(last, to));
    watch.take(watch.scene === last);
    const scene = watch.scenes[watch.scene];
    watch.words.classList.remove("falling");
    watch.diagram.light(scene);
    fill(watch.words, 
      make("p", { class: "kicker" }, say("watch.of", { at: watch.scene + 1, n: last + 1 })),
      make("h2", {}, say(`watch.${scene.key}.title`, scene.values)),
      make("p", { class: "formula" }, say(`watch.${scene.key}.formula`, scene.values)),
      make("p", { class: "numbers" }, scene.numbers),
      make("p", { class: "quiet" }, say(`watch.${scene.key}.words`, scene.values)));
    if (watch.scene === last) watch.isPlaying = false;
    // What goes on from the last scene stands apart: where Next was, nothing else ever is.
    fill(watch.controls,
      button("watch.back", () => watch.press(watch.scene - 1), { "aria-disabled": String(watch.scene === 0) }),
      button("watch.next", () => watch.press(watch.scene + 1), { class: "main", "aria-disabled": String(watch.scene === last) }),
      button(watch.isPlaying ? "watch.pause" : "watch.play", watch.play, { "data-control": "watch.play" }),
      make("span", { class: "onwards" },
        watch.scene === last ? button("watch.again", watch.again) : null,
        watch.scene === last ? button("watch.hundred", watch.hundred) : null,
        watch.hasChanged() ? button("watch.undo", watch.undo) : null));
    if (watch.isPlaying) watch.timer = setTimeout(() => watch.go(watch.scene + 1), PAUSE);
  },

  press(to) {
    // The scene asked for, if there is one, and no more of playing.
    watch.isPlaying = false;
    if (to !== watch.scene && watch.scenes[to]) watch.go(to);
  },

  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || watch.losses.length) return;
    event.preventDefault();
    watch.press(watch.scene + by);
  },

  play() {
    // On from here; from the last scene, once more from the first; or stop.
    watch.isPlaying = !watch.isPlaying;
    watch.go(!watch.isPlaying ? watch.scene : (watch.scene + 1) % watch.scenes.length);
  },

  again() {
    watch.keep();
    watch.changed();
  },

  undo() {
    watch.restore();
    watch.changed();
  },

  take(isTaken) {
    // Take the step, or take it back.
    const { before, stepped } = watch.trace;
    lab.network.parameters.vector.set(isTaken ? stepped : before);
  },

  keep() {
    watch.trace.before = watch.trace.stepped;
  },

  hasChanged: () => watch.original?.vector.some((value, i) => value !== lab.network.parameters.vector[i]) ?? false,

  leave() {
    // A lent example goes, and the paper is empty as it was.
    if (watch.isLent) {
      lab.drawing.undo();
      prepare();
    }
    watch.isLent = false;
  },

  makeNotice() {
    // For the other rooms: that the network is no more the one that was trained; nothing where it is.
    if (!watch.hasChanged()) return null;
    const notice = make("p", { class: "notice" }, say("watch.changed"), button("watch.undo", () => {
      watch.restore();
      notice.remove();
      lab.room.changed();
      document.querySelector(".paper").focus({ preventScroll: true });
    }));
    return notice;
  },

  restore() {
    watch.timer = clearTimeout(watch.timer);
    if (watch.original) lab.network.parameters.vector.set(watch.original.vector);
  },

  async hundred() {
    // The same step a hundred times, some of them for each frame that is shown.
    const { label, rate } = watch.trace;
    const run = (watch.running = {});
    const chart = makeChart(say("watch.falling.title"));
    const numbers = make("p", { class: "numbers", role: "status" });
    watch.words.classList.add("falling");
    fill(watch.words, make("div", {}, make("h2", {}, say("watch.falling.title")), numbers), chart.svg);
    fill(watch.controls);
    const optimizer = new Optimizer(lab.network.parameters, "sgd");
    watch.losses = [watch.trace.loss];
    for (let step = 1; step <= HUNDRED && watch.running === run && lab.room === watch; step++) {
      watch.losses.push(trainStep(lab.network, work, [label], optimizer, rate));
      chart.add(step / HUNDRED, watch.losses.at(-1));
      watch.trace.after = probabilitiesOf(lab.image, 1);
      watch.trace.activations = copyOf(work.outputs);
      watch.diagram.light(watch.scenes.at(-1));
      numbers.textContent = say("watch.falling.numbers", { step, first: fixed(watch.losses[0]), loss: fixed(watch.losses.at(-1)), p: asPercent(watch.trace.after[label]), name: nameOf(label) });
      await new Promise((done) => { setTimeout(done, 25); });
    }
    if (watch.running !== run || lab.room !== watch) return;
    watch.trace.stepped = lab.network.parameters.vector.slice();
    fill(watch.controls, button("watch.again", watch.again), button("watch.undo", watch.undo));
  },
};

function truthOf(image) {
  // The class of a drawn example; null of anything else.
  const isShown = (_, n) => image.every((level, i) => level === lab.examples[n * image.length + i]);
  return DATA.labels?.[DATA.labels.findIndex(isShown)] ?? null;
}

function makeChart(label) {
  // A curve of losses: add(part of the way, loss).
  const curve = make("polyline", { class: "curve" });
  const losses = [];
  const svg = make("svg", { class: "chart", viewBox: "0 0 600 160", role: "img", "aria-label": label },
    make("line", { class: "axis", x1: 4, y1: 154, x2: 596, y2: 154 }), curve);
  const add = (part, loss) => {
    losses.push([part, loss]);
    const most = Math.max(...losses.map(([, each]) => each));
    curve.setAttribute("points", losses.map(([at, each]) => `${4 + 592 * at},${152 - 145 * each / most}`).join(" "));
  };
  return { svg, add };
}

const copyOf = (matrices) => matrices.map((matrix) => matrix.data.slice());

function trainStep(network, space, labels, optimizer, rate) {
  // One step on the batch in space.X: forward, loss, backward, update. Gives the mean loss before.
  network.forward(space.X, space);
  const loss = network.loss(labels, space);
  network.backward(space, optimizer.into(rate, 1 / labels.length));
  optimizer.step(rate);
  return loss / labels.length;
}

function traceStep(label) {
  // Every number of one step of gradient descent on the image, and the weights before and after.
  const theta = lab.network.parameters;
  const before = theta.vector.slice();
  const probabilities = probabilitiesOf(lab.image, 1);
  const activations = copyOf(work.outputs);
  const loss = lab.network.loss([label], work);
  const error = work.gradients.at(-1).data.slice();
  const G = theta.zerosLike();
  lab.network.backward(work, { parameters: G, alpha: 1, beta: 0, betaBiases: 0 });
  const gradients = copyOf(work.gradients);
  // A rate with one digit, at which the loss falls by about a third: ΔL ≈ η ‖G‖².
  const slope = G.vector.reduce((sum, g) => sum + g * g, 0);
  const rate = Number((Math.max(loss, 0.01) / 3 / Math.max(slope, 1e-9)).toPrecision(1));
  const stepped = before.map((w, i) => sgd(w, G.vector[i], { eta: rate })[0]);
  theta.vector.set(stepped);
  const after = probabilitiesOf(lab.image, 1);
  theta.vector.set(before);
  const logits = logitsOf(lab.image).slice();
  // The path: from the class back to whatever gave it most.
  const path = [label];
  for (let layer = lab.network.layers.length - 1; layer >= 0; layer--) {
    const W = lab.network.layers[layer][0];
    const given = layer > 0 ? activations[layer - 1] : work.X.data.map((x, i) => x * (lab.image[i] > 0));
    path.unshift(ranking(given.map((a, i) => Math.abs(a * W.data[i * W.columns + path[0]])))[0]);
  }
  return { label, before, stepped, probabilities, activations, loss, error, gradients, G, rate, after, logits, path };
}

function makeScenes(trace) {
  // The scenes of one step: what is lit, and the formula with the numbers of the path.
  const { path, label, activations, gradients, probabilities, G, rate, logits } = trace;
  const layers = DATA.sizes.length - 1;
  const [all, scenes] = [Array.from({ length: layers + 1 }, (_, i) => i), []];
  const weightOf = (theta, layer) => theta.weights[layer].data[path[layer] * DATA.sizes[layer + 1] + path[layer + 1]];
  const input = (layer) => (layer === 0 ? work.X.data[path[0]] : activations[layer - 1][path[layer]]);
  const name = nameOf(label);
  const add = (key, numbers, more) => scenes.push({ key, numbers, nodes: all, threads: null, isBack: false, known: [], classes: null, told: [], values: { name }, code: "Network.forward", ...more });
  const signed = (x, digits = 3) => (x < 0 ? `(${fixed(x, digits)})` : fixed(x, digits));
  add("input", `x = (${lab.image[path[0]]} − ${fixed(DATA.offset, 1)}) · ${fixed(DATA.scale, 5)} = ${fixed(input(0))}`, { nodes: [0], told: [[0, fixed(input(0))]], values: { n: DATA.sizes[0] } });
  for (let layer = 0; layer < layers; layer++) {
    const b = lab.network.layers[layer][1].data[path[layer + 1]];
    const isLast = layer === layers - 1;
    const a = isLast ? logits[label] : activations[layer][path[layer + 1]];
    const z = isLast || a > 0 ? a : null;
    const f = DATA.activations[layer];
    const isPlain = f === "relu" || f === "leaky_relu";
    const sum = z === null || !(isLast || isPlain) ? `Σ … + ${signed(b)}` : `${fixed(z - b)} + ${signed(b)} = ${fixed(z)}`;
    add(isLast ? "logits" : "forward", isLast ? `z = ${sum}` : `z = ${sum}\na = ${f}(z) = ${fixed(a)}`, {
      nodes: [layer, layer + 1], threads: layer, known: all.slice(0, layer + 2), told: [[layer, fixed(input(layer))], ...(isLast ? [] : [[layer + 1, fixed(a)]])],
      values: { name, layer: layer + 1, n: DATA.sizes[layer], m: DATA.sizes[layer + 1], f } });
  }
  const most = Math.max(...logits);
  const total = logits.reduce((sum, z) => sum + Math.exp(z - most), 0);
  const p = Math.exp(logits[label] - most) / total;
  add("softmax", `p = e^${signed(logits[label] - most, 2)} / ${fixed(total)} = ${fixed(p)}`, { nodes: [layers], known: all, classes: "p", code: "softmax",
    values: { name, calibrated: DATA.temperature === 1 ? "" : say("watch.calibrated", { temperature: fixed(DATA.temperature, 2) }) } });
  add("loss", `L = −ln ${p < 0.001 ? p.toExponential(2) : fixed(p)} = ${fixed(trace.loss)}`, { nodes: [layers], known: all, classes: "p", code: "softmaxCrossEntropy" });
  add("error", `dz = ${fixed(p)} − 1 = ${fixed(trace.error[label])}`, { nodes: [layers], known: [layers], classes: "error", isBack: true, code: "softmaxCrossEntropy" });
  for (let layer = layers - 1; layer >= 0; layer--) {
    const dz = gradients[layer][path[layer + 1]];
    const dw = weightOf(G, layer);
    const numbers = `dw = ${signed(input(layer))} · ${signed(dz)} = ${fixed(dw)}`;
    add(layer ? "backward" : "first", layer ? `${numbers}\ndz = ${fixed(gradients[layer - 1][path[layer]])}` : numbers, {
      nodes: [layer, layer + 1], threads: layer, isBack: true, known: all.slice(layer || 1), classes: "error", code: "Network.backward",
      told: [...(layer ? [[layer, fixed(gradients[layer - 1][path[layer]])]] : []), ...(layer < layers - 1 ? [[layer + 1, fixed(dz)]] : [])],
      values: { name, layer: layer + 1, n: DATA.sizes[layer], m: DATA.sizes[layer + 1], f: DATA.activations[layer - 1], black: fixed(0 - DATA.offset * DATA.scale, 2) } });
  }
  const weights = Array.from({ length: layers }, (_, layer) => {
    const [w, dw] = [weightOf(lab.network.parameters, layer), weightOf(G, layer)];
    return `${fixed(w, 4)} − ${rate} · ${signed(dw)} = ${fixed(w - rate * dw, 4)}`;
  });
  add("update", weights.join("\n"), { known: all, classes: "p", code: "sgd", values: { n: G.vector.length.toLocaleString("en"), rate } });
  const q = trace.after[label];
  add("after", `p(${name}):  ${fixed(probabilities[label])} → ${fixed(q)}`, { known: all, classes: "after", code: "Optimizer.step" });
  return scenes;
}

ROOMS.push(watch);
