// Teach it: classes of one's own, learned in the page by the layers above the first.

const BUDGET = 3000; // milliseconds of training
const [LEAST, MOST] = [15, 60]; // passes over the drawings
const COPIES = 5; // of each drawing: turned, scaled and shifted a little
const MOST_TRAINED = 250_000; // weights that learn; where the upper layers have more, the last learns
const FEWEST = 3; // drawings in a box
const MOST_BOXES = 6;

class Chance {
  // Random numbers from a seed: mulberry32, and Box and Muller's normal ones.
  constructor(seed) { this.state = seed; }

  random() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  standardNormal() {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1));
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}

function vary(image, chance) {
  // The image turned by up to 9°, scaled by up to 8 % and shifted by up to 1.5 pixels.
  const [rows, columns] = DATA.image_shape;
  const angle = (chance.random() - 0.5) * 0.31;
  const scale = 1 + (chance.random() - 0.5) * 0.16;
  const [across, down] = [3 * chance.random() - 1.5, 3 * chance.random() - 1.5];
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  const paper = DATA.background === "light" ? 255 : 0;
  return image.map((_, i) => {
    const pixel = Math.floor(i / CHANNELS);
    const [x, y] = [pixel % columns - columns / 2 - across, Math.floor(pixel / columns) - rows / 2 - down];
    const [u, v] = [cos * x + sin * y + columns / 2, cos * y - sin * x + rows / 2];
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const at = (row, column) => (row < 0 || column < 0 || row >= rows || column >= columns ? paper
      : image[(row * columns + column) * CHANNELS + i % CHANNELS]);
    const mix = (a, b, t) => a + (b - a) * t;
    return mix(mix(at(top, left), at(top, left + 1), u - left), mix(at(top + 1, left), at(top + 1, left + 1), u - left), v - top);
  });
}

class Likeness {
  // How far an image is from the nearest drawing; 1 is where nearly all drawings are from the others.
  constructor(images) {
    const shifts = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((across) => [down, across]));
    this.known = images.map((image) => shifts.map((shift) => Likeness.outline(image, ...shift)));
    const own = images.map((image, i) => this.nearest(Likeness.outline(image), i)).sort((a, b) => a - b);
    this.unit = 1.4 * (own[Math.floor(0.95 * (own.length - 1))] || 1);
  }

  static outline(image, down = 0, across = 0) {
    // The image blurred, shifted and of length 1.
    const [rows, columns] = DATA.image_shape;
    const blurred = new Float64Array(rows * columns);
    const kernel = [0.06, 0.24, 0.4, 0.24, 0.06];
    const pass = (from, to, step, isInside) => to.forEach((_, at) => {
      to[at] = kernel.reduce((sum, weight, k) => sum + (isInside(at, k - 2) ? weight * from[at + (k - 2) * step] : 0), 0);
    });
    const grey = image.filter((_, i) => i % CHANNELS === 0);
    const levels = Float64Array.from(blurred, (_, at) => {
      const [row, column] = [Math.floor(at / columns) + down, at % columns + across];
      const isInside = row >= 0 && column >= 0 && row < rows && column < columns;
      const level = isInside ? grey[row * columns + column] : DATA.background === "light" ? 255 : 0;
      return DATA.background === "light" ? 255 - level : level;
    });
    const half = new Float64Array(levels.length);
    pass(levels, half, 1, (at, k) => at % columns + k >= 0 && at % columns + k < columns);
    pass(half, blurred, columns, (at, k) => at + k * columns >= 0 && at + k * columns < blurred.length);
    const length = Math.sqrt(blurred.reduce((sum, x) => sum + x * x, 0)) || 1;
    return blurred.map((x) => x / length);
  }

  nearest(outline, without = -1) {
    let closest = -1;
    this.known.forEach((shifted, i) => {
      if (i === without) return;
      for (const each of shifted) {
        let product = 0;
        for (let at = 0; at < each.length; at++) product += each[at] * outline[at];
        closest = Math.max(closest, product);
      }
    });
    return Math.sqrt(Math.max(0, 2 - 2 * closest));
  }

  distance(image) {
    return this.nearest(Likeness.outline(image)) / this.unit;
  }
}

class Pupil {
  // The network with a last layer for other classes; layers before `first` stay as they are.
  constructor(names, chance) {
    const sizes = [...DATA.sizes.slice(0, -1), names.length];
    const layers = sizes.length - 1;
    const upper = pairs(sizes).slice(1).reduce((sum, [n, m]) => sum + n * m, 0);
    Object.assign(this, { names, sizes, first: layers === 1 ? 0 : upper <= MOST_TRAINED ? 1 : layers - 1 });
    const top = new Parameters(sizes.slice(this.first));
    const drawn = Parameters.random(sizes.slice(-2), chance, "lecun");
    top.weights.forEach((W, i) => {
      const layer = i + this.first;
      const isLast = layer === layers - 1;
      W.data.set(isLast ? drawn.weights[0].data : lab.network.layers[layer][0].data);
      if (!isLast) top.biases[i].data.set(lab.network.layers[layer][1].data);
    });
    this.top = new Network(top, DATA.activations.slice(this.first));
    this.space = new Workspace(this.top, 1);
  }

  features(image) {
    // The inputs of the first layer that learns.
    logitsOf(image);
    return this.first === 0 ? work.X.data.slice() : work.outputs[this.first - 1].data.slice();
  }

  probabilities(image) {
    this.space.X.data.set(this.features(image));
    const Z = this.top.forward(this.space.X, this.space);
    const P = Matrix.zeros(1, Z.columns);
    softmax(Z, P);
    return P.data;
  }

  parameters() {
    // Of all layers, those that stayed and those that learned.
    const whole = new Parameters(this.sizes);
    whole.weights.forEach((W, layer) => {
      const [from, b] = layer < this.first ? lab.network.layers[layer] : this.top.layers[layer - this.first];
      W.data.set(from.data);
      whole.biases[layer].data.set(b.data);
    });
    return whole;
  }

  async learn(images, labels, chance, show) {
    // Adam on batches of 32, each time with another copy of each drawing, until BUDGET is used up;
    // a slow machine makes fewer copies, and has LEAST epochs all the same.
    const begin = performance.now();
    let rested = begin;
    const rest = async () => { // let the page be drawn
      if (performance.now() - rested < 30) return;
      await new Promise((done) => { setTimeout(done); });
      rested = performance.now();
    };
    const inputs = images.map(() => []);
    for (let copy = 0; copy < COPIES; copy++) {
      for (const [i, image] of images.entries()) {
        if (copy > 0 && performance.now() - begin > BUDGET / 3) break;
        inputs[i].push(this.features(copy > 0 ? vary(image, chance) : image));
        await rest();
      }
    }
    const size = Math.min(32, images.length);
    const space = new Workspace(this.top, size, 0.02);
    const optimizer = new Optimizer(this.top.parameters, "adam", { weightDecay: 1e-4 });
    let loss = Infinity;
    for (let epoch = 1; epoch <= LEAST || (epoch <= MOST && performance.now() - begin < BUDGET); epoch++) {
      const order = chance.shuffle([...images.keys()]);
      let total = 0;
      let batches = 0;
      for (let start = 0; start + size <= order.length; start += size) {
        const batch = order.slice(start, start + size);
        batch.forEach((i, row) => {
          const copies = inputs[i];
          space.X.data.set(copies[Math.floor(chance.random() * copies.length)], row * space.X.columns);
        });
        total += trainStep(this.top, space, batch.map((i) => labels[i]), optimizer, 0.002);
        batches += 1;
        await rest();
      }
      loss = total / batches;
      show(epoch, loss, Math.min(1, (performance.now() - begin) / BUDGET));
    }
    return { loss, seconds: (performance.now() - begin) / 1000 };
  }
}

const teach = {
  id: "teach",
  view: "boxes",
  boxes: [], // {name, images}
  pupil: null,
  code: () => "adam",

  make() {
    if (!teach.boxes.length) teach.boxes = ["A", "B"].map((name) => ({ name, images: [] }));
    if (!teach.pupil) teach.view = "boxes";
    teach.stage = makeStage();
    teach.heading = make("h1");
    teach.panel = make("section", { class: "panel" });
    teach.tabs = make("div", { class: "tabs", role: "group", "aria-label": say("teach.views") });
    teach.shown = null;
    return [make("div", { class: "left" }, teach.heading, teach.stage),
      make("div", { class: "right" }, teach.tabs, teach.panel)];
  },

  changed() {
    if (teach.isLearning) return;
    if (teach.shown !== teach.view) {
      teach.shown = teach.view;
      teach.heading.textContent = say(teach.view === "boxes" ? "teach.draw" : "teach.try");
      teach.panel.dataset.view = teach.view === "boxes" ? "boxes" : "says";
      fill(teach.panel, ...teach.views[teach.view].make());
      fill(teach.tabs, ...(teach.pupil ? ["boxes", "answer"].map((view) => button(`teach.${view}`, () => {
        teach.view = view;
        teach.changed();
      }, { "aria-pressed": String(view === teach.view) })) : []));
    }
    teach.views[teach.view].show();
  },

  clearStage() {
    lab.drawing.clear();
    lab.stages = [];
    teach.stage.show();
    changed();
  },

  put(box, image) {
    box.images.push(image);
    teach.clearStage();
  },

  async learn() {
    // Train on what is in the boxes, and show the loss; then it can be asked.
    const filled = teach.boxes.filter((box) => box.images.length >= FEWEST);
    const names = distinct(filled.map((box) => box.name));
    const images = filled.flatMap((box) => box.images);
    const labels = filled.flatMap((box, k) => box.images.map(() => k));
    const chance = new Chance(1);
    const pupil = new Pupil(names, chance);
    const chart = makeChart("");
    const told = make("p", { class: "numbers", role: "status" });
    const learned = pupil.first === 0 ? "teach.all" : pupil.first === pupil.sizes.length - 2 ? "teach.last" : "teach.upper";
    teach.isLearning = true;
    fill(teach.panel, make("h2", { class: "sentence" }, say("teach.learning")), chart.svg, told, make("p", { class: "quiet" }, say(learned)));
    fill(teach.tabs);
    const took = await pupil.learn(images, labels, chance, (epoch, loss, part) => {
      chart.add(part, loss);
      told.textContent = say("teach.numbers", { epoch, loss: fixed(loss) });
    });
    Object.assign(teach, { pupil, likeness: new Likeness(images), took, learnedFrom: [images, labels], isLearning: false, view: "answer", shown: null });
    if (lab.room === teach) teach.clearStage();
  },

  save() {
    // Hand over what was drawn and learned as one file, and say how training goes on.
    const { pupil, learnedFrom: [images, labels] } = teach;
    const bytes = zip({
      "drawings.npz": drawingsNpz(images, labels.map((k) => pupil.names[k])),
      "model.safetensors": modelSafetensors(pupil.parameters(), pupil.names),
    });
    const link = make("a", { download: "handstitch-drawings.zip", href: URL.createObjectURL(new Blob([bytes], { type: "application/zip" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    teach.saved.hidden = false;
  },
};

teach.views = {
  boxes: {
    make() {
      teach.list = make("div", { class: "boxes" });
      teach.status = make("p", { class: "quiet", role: "status" });
      teach.start = button("teach.learn", teach.learn, { class: "main" });
      teach.more = button("teach.another", () => {
        teach.boxes.push({ name: String.fromCharCode(65 + teach.boxes.length), images: [] });
        teach.shown = null;
        teach.changed();
      });
      const rows = teach.boxes.map((box, k) => {
        const name = make("input", { class: "boxname", value: box.name, maxLength: 40, "aria-label": say("teach.name"), onchange: () => { box.name = name.value; teach.changed(); } });
        const put = make("button", { type: "button", class: "put", onclick: () => teach.put(box, lab.image.slice()) });
        const row = make("div", { class: "box",
          ondragover: (event) => { event.preventDefault(); row.classList.add("over"); },
          ondragleave: () => row.classList.remove("over"),
          ondrop: async (event) => {
            event.preventDefault();
            row.classList.remove("over");
            for (const file of event.dataTransfer.files) {
              try {
                const found = await readPicture(file, DATA.image_shape, DATA.background);
                box.images.push(Uint8Array.from(lab.image, (_, i) => found.image[Math.floor(i / CHANNELS)]));
              } catch { /* no picture: it stays where it is */ }
            }
            teach.changed();
          } }, name, put, make("div", { class: "thumbs" }));
        return row;
      });
      teach.list.append(...rows);
      return [teach.list, make("div", { class: "controls" }, teach.start, teach.more), teach.status];
    },

    show() {
      const isEmpty = lab.drawing.isEmpty;
      const [rows, columns] = DATA.image_shape;
      [...teach.list.children].forEach((row, k) => {
        const box = teach.boxes[k];
        const [, put, thumbs] = row.children;
        put.textContent = say("teach.put", { name: box.name || "…" });
        put.disabled = isEmpty;
        if (thumbs.childElementCount === box.images.length) return;
        thumbs.replaceChildren(...box.images.map((image, i) => {
          const canvas = make("canvas", { class: "pixelated" });
          paintLevels(canvas, image.filter((_, at) => at % CHANNELS === 0), columns, rows);
          return make("button", { type: "button", "aria-label": say("teach.remove"), title: say("teach.remove"), onclick: () => {
            box.images.splice(i, 1);
            teach.changed();
          } }, canvas);
        }));
      });
      const filled = teach.boxes.filter((box) => box.images.length >= FEWEST).length;
      const n = teach.boxes.reduce((sum, box) => sum + box.images.length, 0);
      teach.start.disabled = filled < 2;
      teach.more.disabled = teach.boxes.length >= MOST_BOXES;
      teach.status.textContent = say(filled < 2 ? "teach.few" : "teach.enough", { n, fewest: FEWEST });
    },
  },

  answer: {
    make() {
      teach.verdict = make("p", { class: "verdict", role: "status" });
      teach.certainty = make("p", { class: "certainty" });
      teach.bars = makeBars([...teach.pupil.names]);
      const command = "handstitch train --dataset drawings.npz --start-from model.safetensors";
      teach.saved = make("div", { hidden: true }, make("p", {}, say("teach.saved")), make("pre", { class: "command", tabIndex: 0 }, `unzip handstitch-drawings.zip\n${command}`));
      return [teach.verdict, teach.certainty, teach.bars,
        make("div", { class: "controls" }, button("teach.save", teach.save, { class: "main" })), teach.saved];
    },

    show() {
      const isEmpty = lab.drawing.isEmpty;
      const P = isEmpty ? new Float64Array(teach.pupil.names.length) : teach.pupil.probabilities(lab.image);
      const distance = isEmpty ? 0 : teach.likeness.distance(lab.image);
      const best = ranking(P)[0];
      teach.found = isEmpty ? null : distance > 1 ? null : teach.pupil.names[best];
      teach.verdict.classList.toggle("waiting", isEmpty || distance > 1);
      teach.verdict.textContent = isEmpty ? say("teach.waiting") : teach.found ?? say("teach.none");
      teach.certainty.textContent = isEmpty ? say("teach.took", { seconds: teach.took.seconds.toFixed(1), n: teach.learnedFrom[0].length })
        : say(distance > 1 ? "teach.far" : "ask.sure", { p: asPercent(P[best]), distance: distance.toFixed(2) });
      showBars(teach.bars, P);
      teach.bars.classList.toggle("faint", distance > 1);
    },
  },
};

function distinct(names) {
  // Names as a model file takes them: visible, not empty, each once.
  const seen = new Set();
  return names.map((name, k) => {
    const plain = name.replace(/[\p{C}\p{Z}]+/gu, " ").trim().slice(0, 40) || String.fromCharCode(65 + k);
    let unique = plain;
    for (let n = 2; seen.has(unique); n++) unique = `${plain} ${n}`;
    seen.add(unique);
    return unique;
  });
}

ROOMS.push(teach);
