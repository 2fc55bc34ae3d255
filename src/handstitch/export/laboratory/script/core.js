// The mathematics of src/handstitch/core once more, function by function and name by name: what
// stands here runs in the page, in float64. Rows are samples; dT is ∂L/∂T.

// ── blas.py ──────────────────────────────────────────────────────────────────────────────────

class Matrix {
  // Numbers in row order; `transposed` is the same memory read the other way.
  constructor(data, rows, columns, isTransposed = false) {
    Object.assign(this, { data, rows, columns, isTransposed });
  }

  static zeros(rows, columns) {
    return new Matrix(new Float64Array(rows * columns), rows, columns);
  }

  get transposed() {
    return new Matrix(this.data, this.columns, this.rows, !this.isTransposed);
  }
}

function gemm(alpha, A, B, beta, C) {
  // C ← α A B + β C; with β = 0, C is not read.
  if (A.columns !== B.rows || C.rows !== A.rows || C.columns !== B.columns || C.isTransposed) {
    throw new RangeError(`${C.rows}×${C.columns} ← ${A.rows}×${A.columns} ${B.rows}×${B.columns}`);
  }
  const [n, inner, m] = [C.rows, A.columns, C.columns];
  const [rowStep, step] = A.isTransposed ? [1, n] : [inner, 1];
  const [a, b, c] = [A.data, B.data, C.data];
  for (let i = 0; i < n; i++) {
    const row = i * m;
    if (B.isTransposed) {
      for (let j = 0; j < m; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += a[i * rowStep + k * step] * b[j * inner + k];
        c[row + j] = alpha * sum + (beta === 0 ? 0 : beta * c[row + j]);
      }
      continue;
    }
    for (let j = 0; j < m; j++) c[row + j] = beta === 0 ? 0 : beta * c[row + j];
    for (let k = 0; k < inner; k++) {
      const factor = alpha * a[i * rowStep + k * step];
      if (factor === 0) continue; // an input that is 0, a unit that is silent
      for (let j = 0, at = k * m; j < m; j++) c[row + j] += factor * b[at + j];
    }
  }
}

// ── activations.py ───────────────────────────────────────────────────────────────────────────

const LEAK = 0.01;

// Each with its derivative below it: dZ = dA ⊙ f′, f′ written in terms of the output a.
const ACTIVATIONS = {
  relu: [
    (z) => Math.max(z, 0),
    (da, a) => da * (a > 0),
  ],
  leaky_relu: [
    (z) => Math.max(z, LEAK * z),
    (da, a) => da * Math.max(Math.sign(a), LEAK),
  ],
  elu: [
    (z) => Math.max(z, Math.expm1(Math.min(z, 0))),
    (da, a) => da * (Math.min(a, 0) + 1),
  ],
  sigmoid: [
    (z) => 0.5 * (Math.tanh(0.5 * z) + 1),
    (da, a) => da * a * (1 - a),
  ],
  tanh: [
    (z) => Math.tanh(z),
    (da, a) => da * (1 - a * a),
  ],
};

function apply(formula, out, input = null) {
  // out ← formula(out, input), number by number.
  const [values, given] = [out.data, input === null ? out.data : input.data];
  for (let i = 0; i < values.length; i++) values[i] = formula(values[i], given[i]);
}

// ── functions.py ─────────────────────────────────────────────────────────────────────────────

function dropout(A, p, rng, mask, out) {
  // out = A ⊙ mask, mask = 0 with probability p, else 1/(1 − p).
  for (let i = 0; i < A.data.length; i++) {
    mask.data[i] = rng.random() >= p ? 1 / (1 - p) : 0;
    out.data[i] = A.data[i] * mask.data[i];
  }
}

function softmax(Z, P) {
  // P = eᶻ / Σ eᶻ along each row, from logits shifted to a maximum of 0: nothing overflows.
  for (let row = 0; row < Z.data.length; row += Z.columns) {
    const z = Z.data.subarray(row, row + Z.columns);
    const most = Math.max(...z);
    const e = z.map((value) => Math.exp(value - most));
    const total = e.reduce((sum, value) => sum + value, 0);
    P.data.set(e.map((value) => value / total), row);
  }
}

function softmaxCrossEntropy(Z, Y, dZ) {
  // L = Σ (s log Σ eᶻ − Σ y z), summed over the rows, and dZ = s P − Y; s = Σ y.
  let loss = 0;
  for (let row = 0; row < Z.data.length; row += Z.columns) {
    const [z, y] = [Z, Y].map((matrix) => matrix.data.subarray(row, row + Z.columns));
    const s = y.reduce((sum, value) => sum + value, 0);
    const most = Math.max(...z);
    const total = z.reduce((sum, value) => sum + Math.exp(value - most), 0);
    loss += s * Math.log(total);
    for (let k = 0; k < z.length; k++) {
      loss -= y[k] * (z[k] - most);
      dZ.data[row + k] = s * Math.exp(z[k] - most) / total - y[k];
    }
  }
  return loss;
}

// ── parameters.py ────────────────────────────────────────────────────────────────────────────

const INITIALIZATIONS = {
  he: (inputs, outputs) => Math.sqrt(2 / inputs),
  xavier: (inputs, outputs) => Math.sqrt(2 / (inputs + outputs)),
  lecun: (inputs, outputs) => Math.sqrt(1 / inputs),
};

const count = (sizes) => pairs(sizes).reduce((sum, [n, m]) => sum + (n + 1) * m, 0);

const pairs = (sizes) => sizes.slice(1).map((m, layer) => [sizes[layer], m]);

class Parameters {
  // θ = [ W₀ | W₁ | … | b₀ | b₁ | … ] in one vector, and views of it.
  constructor(sizes, vector = new Float64Array(count(sizes))) {
    Object.assign(this, { sizes, vector, weights: [], biases: [] });
    let start = 0;
    const view = (n, m) => new Matrix(vector.subarray(start, (start += n * m)), n, m);
    for (const [n, m] of pairs(sizes)) this.weights.push(view(n, m));
    this.weightCount = start;
    for (const [, m] of pairs(sizes)) this.biases.push(view(1, m));
  }

  static random(sizes, rng, initialization = "he", mask = null) {
    // W ~ N(0, σ²) with σ from INITIALIZATIONS, b = 0.
    const parameters = new Parameters(sizes);
    parameters.weights.forEach((W, layer) => {
      const isMasked = layer === 0 && mask !== null;
      const along = (sum) => (isMasked ? sum(mask) : null);
      const [inputs, outputs] = [along(columnSums), along(rowSums)];
      for (let i = 0; i < W.data.length; i++) {
        const [n, m] = isMasked
          ? [inputs[i % W.columns], outputs[Math.floor(i / W.columns)]]
          : [W.rows, W.columns];
        const factor = isMasked ? mask.data[i] : 1;
        const drawn = INITIALIZATIONS[initialization](n, m) * rng.standardNormal();
        W.data[i] = factor === 0 ? 0 : drawn * factor;
      }
    });
    return parameters;
  }

  decayed(biases) {
    return biases ? this.vector : this.vector.subarray(0, this.weightCount);
  }

  zerosLike() {
    return new Parameters(this.sizes);
  }

  copy() {
    return new Parameters(this.sizes, this.vector.slice());
  }
}

function columnSums(M) {
  const sums = new Float64Array(M.columns);
  M.data.forEach((value, i) => { sums[i % M.columns] += value; });
  return sums;
}

function rowSums(M) {
  const sums = new Float64Array(M.rows);
  M.data.forEach((value, i) => { sums[Math.floor(i / M.columns)] += value; });
  return sums;
}

// ── network.py ───────────────────────────────────────────────────────────────────────────────

class Network {
  // Linear layers with an activation between each two; logits at the end.
  constructor(parameters, activations, dropout = 0, inputDropout = 0, mask = null) {
    this.parameters = parameters;
    this.layers = parameters.weights.map((W, layer) => [W, parameters.biases[layer]]);
    this.activations = activations;
    this.dropout = [inputDropout, ...activations.map(() => dropout)];
    this.mask = mask; // of the receptive fields: 0 outside, 1 inside
  }

  forward(X, work, rng = null) {
    // Z = A W + b, A = f(Z), layer by layer; the last Z are the logits.
    let A = X;
    this.layers.forEach(([W, b], layer) => {
      if (rng !== null && this.dropout[layer] > 0) {
        dropout(A, this.dropout[layer], rng, work.masks[layer], work.dropped[layer]);
        A = work.dropped[layer];
      }
      work.inputs[layer] = A;
      const Z = work.outputs[layer];
      for (let row = 0; row < Z.rows; row++) Z.data.set(b.data, row * Z.columns);
      gemm(1, A, W, 1, Z);
      if (layer < this.activations.length) apply(ACTIVATIONS[this.activations[layer]][0], Z);
      A = Z;
    });
    return A;
  }

  loss(y, work, weights = null, mixing = 1) {
    // L, the cross-entropy summed over the batch; leaves dZ = s P − Y where backward begins.
    const [Y, classes] = [work.targets.data, work.targets.columns];
    for (let i = 0; i < Y.length; i++) {
      const row = Math.floor(i / classes);
      Y[i] = work.classTargets.data[y[row] * classes + (i % classes)];
      if (weights !== null) Y[i] *= weights[row];
    }
    if (mixing < 1) {
      const next = Y.map((_, i) => Y[(i + classes) % Y.length]);
      for (let i = 0; i < Y.length; i++) Y[i] = mixing * (Y[i] - next[i]) + next[i];
    }
    return softmaxCrossEntropy(work.outputs.at(-1), work.targets, work.gradients.at(-1));
  }

  countCorrect(y, work) {
    const Z = work.outputs.at(-1);
    return y.reduce((sum, label, i) => {
      const row = Z.data.subarray(i * Z.columns, (i + 1) * Z.columns);
      return sum + (row.indexOf(Math.max(...row)) === label);
    }, 0);
  }

  backward(work, into) {
    // dA = dZ Wᵀ, dW = Aᵀ dZ, db = 1ᵀ dZ, dZ = dA ⊙ f′, from the last layer to the first;
    // each gradient goes where `into` says: parameters ← α · gradient + β · parameters.
    for (let layer = this.layers.length - 1; layer >= 0; layer--) {
      const [A, dZ] = [work.inputs[layer], work.gradients[layer]];
      const dA = work.gradients[layer - 1];
      if (layer > 0) gemm(1, dZ, this.layers[layer][0].transposed, 0, dA); // before W changes
      const W = into.parameters.weights[layer];
      gemm(into.alpha, A.transposed, dZ, into.beta, W);
      if (layer === 0 && this.mask !== null) {
        for (let i = 0; i < W.data.length; i++) W.data[i] *= this.mask.data[i];
      }
      gemm(into.alpha, work.ones, dZ, into.betaBiases, into.parameters.biases[layer]);
      if (layer > 0) {
        if (A !== work.outputs[layer - 1]) { // it was dropped on the way in
          for (let i = 0; i < dA.data.length; i++) dA.data[i] *= work.masks[layer].data[i];
        }
        apply(ACTIVATIONS[this.activations[layer - 1]][1], dA, work.outputs[layer - 1]);
      }
    }
  }
}

class Workspace {
  // Every array that a batch of n samples needs.
  constructor(network, n, smoothing = 0) {
    const sizes = network.parameters.sizes;
    const classes = sizes.at(-1);
    const makeAll = (widths) => widths.map((width) => Matrix.zeros(n, width));
    const dropped = network.dropout.map((p, layer) => (p > 0 ? sizes[layer] : 0));
    this.X = Matrix.zeros(n, sizes[0]);
    this.outputs = makeAll(sizes.slice(1));
    this.gradients = makeAll(sizes.slice(1));
    this.masks = makeAll(dropped);
    this.dropped = makeAll(dropped);
    this.inputs = [];
    this.targets = Matrix.zeros(n, classes);
    this.ones = new Matrix(new Float64Array(n).fill(1), 1, n);
    this.classTargets = Matrix.zeros(classes, classes);
    this.classTargets.data.fill(smoothing / classes);
    for (let k = 0; k < classes; k++) this.classTargets.data[k * classes + k] += 1 - smoothing;
  }
}

// ── update_rules.py ──────────────────────────────────────────────────────────────────────────

const sgd = (theta, G, h) => [theta - h.eta * G];

function momentum(theta, G, h, V) {
  V = h.momentum * V + G;
  return [theta - h.eta * V, V];
}

function nesterov(theta, G, h, V) {
  V = h.momentum * V + G;
  return [theta - h.eta * (G + h.momentum * V), V];
}

function rmsprop(theta, G, h, S) {
  S = h.beta2 * S + h.rest2 * G ** 2;
  return [theta - h.eta * G / (Math.sqrt(S) + h.epsilon), S];
}

function adam(theta, G, h, M, S) {
  M = h.beta1 * M + h.rest1 * G;
  S = h.beta2 * S + h.rest2 * G ** 2;
  return [theta - h.etaHat * M / (Math.sqrt(S) / h.root + h.epsilon), M, S];
}

const OPTIMIZERS = {
  sgd: [sgd, 0],
  momentum: [momentum, 1],
  nesterov: [nesterov, 1],
  rmsprop: [rmsprop, 1],
  adam: [adam, 2],
  adamw: [adam, 2],
};

const clipping = (norm, longest) => (norm > longest ? longest / norm : 1);

// ── optimizers.py ────────────────────────────────────────────────────────────────────────────

class Optimizer {
  // Updates θ by one of OPTIMIZERS, with weight decay and gradient clipping.
  constructor(parameters, rule = "sgd", options = {}) {
    Object.assign(this, {
      parameters, rule, weightDecay: 0, decayBiases: false, decoupled: false, clipNorm: 0,
      constants: { momentum: 0.9, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, ...options,
    });
    this.decoupled ||= rule === "adamw";
    this.steps = 0;
    const [update, slots] = OPTIMIZERS[rule];
    this.update = update;
    this.slots = Array.from({ length: slots }, () => parameters.zerosLike());
    this.gradient = rule === "sgd" && !this.clipNorm ? null : parameters.zerosLike();
  }

  into(learningRate, scale) {
    // Where backward sends the gradient; for plain SGD, θ itself: the whole step, L2 included.
    if (this.gradient === null) {
      const shrink = 1 - learningRate * this.weightDecay;
      const betaBiases = this.decayBiases ? shrink : 1;
      return { parameters: this.parameters, alpha: -learningRate * scale, beta: shrink, betaBiases };
    }
    return { parameters: this.gradient, alpha: scale, beta: 0, betaBiases: 0 };
  }

  prepare(learningRate) {
    this.steps += 1;
    const { momentum, beta1, beta2, epsilon } = this.constants;
    return {
      eta: learningRate,
      etaHat: learningRate / (1 - beta1 ** this.steps),
      momentum, beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, epsilon,
      root: Math.sqrt(1 - beta2 ** this.steps),
      decay: this.decoupled ? 0 : this.weightDecay,
      shrink: this.decoupled ? 1 - learningRate * this.weightDecay : 1,
    };
  }

  step(learningRate) {
    // Finish the step that backward started: θ and the slots are updated.
    const h = this.prepare(learningRate);
    if (this.gradient === null) return;
    const [theta, G] = [this.parameters.vector, this.gradient.vector];
    if (this.clipNorm) {
      const factor = clipping(Math.sqrt(G.reduce((sum, g) => sum + g * g, 0)), this.clipNorm);
      for (let i = 0; i < G.length; i++) G[i] *= factor;
    }
    if (this.weightDecay) {
      const end = this.parameters.decayed(this.decayBiases).length;
      for (let i = 0; i < end; i++) {
        theta[i] *= h.shrink;
        G[i] += h.decay * theta[i];
      }
    }
    const slots = this.slots.map((slot) => slot.vector);
    for (let i = 0; i < G.length; i++) {
      const [next, ...memory] = this.update(theta[i], G[i], h, ...slots.map((slot) => slot[i]));
      theta[i] = next;
      slots.forEach((slot, number) => { slot[i] = memory[number]; });
    }
  }
}
