// Why: the exact evidence of each pixel. Its units: which of the first layer answer, and to what.

const EXACT = DATA.activations.every((name) => name === "relu" || name === "leaky_relu");
const [FOR, AGAINST] = [[255, 122, 66], [86, 168, 236]]; // on the dark paper of an image

function evidence(direction) {
  // Contributions c of the pixels to Σ direction · Z, and the rest: Σ c + rest = Σ direction · Z.
  // Around an image such a network is linear, so that this is no approximation. The rest is what
  // black paper gives: with it in the pixels, paper that nobody drew on would have a say.
  let d = new Matrix(Float64Array.from(direction), 1, direction.length);
  for (let layer = lab.network.layers.length - 1; layer >= 0; layer--) {
    const W = lab.network.layers[layer][0];
    const dA = Matrix.zeros(1, W.rows);
    gemm(1, d, W.transposed, 0, dA);
    if (layer > 0) apply(ACTIVATIONS[DATA.activations[layer - 1]][1], dA, work.outputs[layer - 1]);
    d = dA;
  }
  const pixels = d.data.map((slope, i) => slope * DATA.scale * lab.image[i]);
  const total = work.outputs.at(-1).data.reduce((sum, z, k) => sum + direction[k] * z, 0);
  return { pixels, rest: total - pixels.reduce((sum, c) => sum + c, 0), total };
}

function paintSigned(canvas, values, backdrop) {
  // Values of the inputs on a canvas, in the colour of their sign, over a dim picture.
  const [rows, columns] = DATA.image_shape;
  Object.assign(canvas, { width: columns, height: rows });
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-12);
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(columns, rows);
  for (let at = 0; at < rows * columns; at++) {
    let value = 0;
    for (let c = 0; c < CHANNELS; c++) value += values[at * CHANNELS + c];
    const strength = Math.min(1, Math.abs(value) / most) ** 0.6;
    const dim = 0.28 * (backdrop ? backdrop[at * CHANNELS] : 0);
    (value > 0 ? FOR : AGAINST).forEach((level, c) => {
      image.data[4 * at + c] = dim + (level - dim) * strength;
    });
    image.data[4 * at + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

function makeChoice(label, chosen, choose, without = -1) {
  // A class, chosen within a sentence.
  return make("select", { "aria-label": say(label), "data-control": label, onchange: (event) => choose(Number(event.target.value)) },
    ...DATA.class_names.map((_, k) => (k === without ? null
      : make("option", { value: k, selected: k === chosen }, nameOf(k)))));
}

function fillIn(sentence, parts) {
  // A sentence's words, and in the place of {0}, {1} … elements.
  return sentence.split(/\{(\d)\}/).map((text, i) => (i % 2 ? parts[Number(text)] : text));
}

ask.why = {
  pair: [null, null], // the classes asked about; null: the first and the second of the answer

  make() {
    const { why } = ask;
    why.sentence = make("h2", { class: "sentence" });
    why.map = make("canvas", { class: "seen pixelated", role: "img", "aria-label": say("why.map") });
    why.ledger = make("ul", { class: "ledger" });
    return EXACT ? [why.sentence, make("div", { class: "view" }, why.map), why.ledger,
      make("p", { class: "quiet" }, say("why.exact", { n: DATA.sizes[0] }))]
      : [make("p", { class: "verdict waiting" }, say("why.notExact"))];
  },

  show() {
    if (!EXACT) return;
    const { why } = ask;
    const k = why.pair[0] ?? ask.order[0];
    let rival = why.pair[1] ?? ask.order.find((each) => each !== k);
    if (rival === k) rival = ask.order.find((each) => each !== k);
    if (document.activeElement?.parentElement !== why.sentence) {
      why.sentence.replaceChildren(...fillIn(say("why.question"), [
        makeChoice("why.for", k, (each) => { why.pair[0] = each; ask.changed(); }),
        makeChoice("why.against", rival, (each) => { why.pair[1] = each; ask.changed(); }, k),
      ]));
    }
    const direction = DATA.class_names.map((_, j) => (j === k) - (j === rival));
    const found = evidence(direction);
    why.found = found;
    paintSigned(why.map, found.pixels, lab.image);
    const sum = (sign) => found.pixels.reduce((total, c) => total + (c * sign > 0 ? c : 0), 0);
    const rows = [["pixelsFor", sum(1)], ["pixelsAgainst", sum(-1)], ["rest", found.rest], ["total", found.total]];
    const most = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-9);
    why.ledger.replaceChildren(...rows.map(([name, value]) => {
      const bar = make("span", { class: value < 0 ? "minus" : "plus" });
      bar.style.width = `${50 * Math.abs(value) / most}%`;
      return make("li", { class: name },
        make("span", { class: "name" }, say(`why.${name}`, { one: nameOf(k), other: nameOf(rival) })),
        make("span", { class: "balance" }, bar),
        make("span", { class: "value" }, (value > 0 ? "+" : "") + fixed(value, 2)));
    }));
  },
};

ask.units = {
  chosen: 0, // of those shown

  make() {
    const { units } = ask;
    units.count = make("h2", { class: "sentence" });
    units.map = make("canvas", { class: "seen pixelated" });
    units.windows = make("svg", { class: "windows", "aria-hidden": "true",
      viewBox: `0 0 ${DATA.image_shape[1]} ${DATA.image_shape[0]}`, preserveAspectRatio: "none" });
    units.tiles = make("div", { class: "tiles" });
    units.told = make("p", { class: "quiet" });
    return [units.count, make("div", { class: "view" }, units.map, units.windows), units.tiles, units.told];
  },

  show() {
    const { units } = ask;
    const a = work.outputs[0].data;
    const W = lab.network.layers[0][0];
    const isHidden = DATA.activations.length > 0;
    const order = ranking(a).slice(0, UNITS).filter((unit) => !isHidden || a[unit] > 0);
    const windowOf = (unit) => DATA.windows.find(([, , , , first, n]) => unit >= first && unit < first + n)
      ?? [0, 0, DATA.image_shape[0], DATA.image_shape[1]];
    units.count.textContent = say("units.count", {
      active: a.reduce((sum, value) => sum + (value > 0), 0), n: a.length, shown: order.length,
    });
    if (units.chosen >= order.length) units.chosen = 0;
    const weightsOf = (unit) => Float64Array.from({ length: W.rows }, (_, i) => W.data[i * W.columns + unit]);
    const chosen = order[units.chosen];
    const seen = chosen === undefined ? new Float64Array(W.rows)
      : weightsOf(chosen).map((w, i) => w * DATA.scale * lab.image[i]);
    paintSigned(units.map, seen, lab.image.map((level) => Math.min(255, 2.2 * level)));
    units.windows.replaceChildren(...order.map((unit, i) => {
      const [top, left, height, width] = windowOf(unit);
      return make("rect", { x: left, y: top, width, height, class: i === units.chosen ? "chosen" : "" });
    }));
    const choose = (i) => () => { units.chosen = i; units.show(); };
    if (units.tiles.childElementCount !== order.length) {
      units.tiles.replaceChildren(...order.map((_, i) => make("button", { type: "button", class: "tile",
        onclick: choose(i), onpointerenter: choose(i) }, make("canvas", { class: "pixelated" }), make("span"))));
    }
    [...units.tiles.children].forEach((tile, i) => {
      const [top, left, height, width] = windowOf(order[i]);
      const [whole, canvas] = [document.createElement("canvas"), tile.firstChild];
      paintSigned(whole, weightsOf(order[i]), null);
      Object.assign(canvas, { width, height });
      canvas.getContext("2d").drawImage(whole, left, top, width, height, 0, 0, width, height);
      tile.lastChild.textContent = fixed(a[order[i]], 2);
      tile.setAttribute("aria-pressed", String(i === units.chosen));
      tile.setAttribute("aria-label", say("units.label", { unit: order[i], a: fixed(a[order[i]], 2) }));
    });
    const total = seen.reduce((sum, value) => sum + value, 0);
    const z = chosen === undefined ? 0 : weightsOf(chosen).reduce(
      (sum, w, i) => sum + w * work.X.data[i], lab.network.layers[0][1].data[chosen]);
    units.told.textContent = chosen === undefined ? "" : say("units.told", {
      unit: chosen, sum: fixed(total, 2), rest: fixed(z - total, 2),
      a: fixed(a[chosen], 2), f: DATA.activations[0] ?? "",
    });
  },
};

ask.views.push("why", "units");
