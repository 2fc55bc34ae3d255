// The pupil: the network with a last layer for other classes, learned by the layers above the first.

const BUDGET = 3000; // milliseconds of training
const [LEAST, MOST] = [15, 60]; // passes over the drawings
const COPIES = 5; // of each drawing: turned, scaled and shifted a little
const MOST_TRAINED = 250_000; // weights that learn; where the upper layers have more, the last learns

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
