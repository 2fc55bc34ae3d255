// The diagram of the layers: the image, some units of each hidden layer, the classes; and one path
// through all of them, whose numbers are told.

const THREADS = 6; // lines between two layers

function makeDiagram(trace) {
  // {svg, light(scene, values)}: made once for a trace, lit scene by scene.
  const isWide = window.innerWidth > 820;
  const CELLS = isWide ? 48 : 32; // units of a hidden layer that are shown
  const layers = DATA.sizes.length - 1;
  const size = isWide ? [1200, 420] : [390, 160 + 66 * (layers - 1) + 18 * DATA.sizes.at(-1)];
  const svg = make("svg", { class: "diagram", viewBox: `0 0 ${size[0]} ${size[1]}`, role: "img", "aria-label": say("watch.diagram") });
  const places = placeLayers(isWide, layers, size);
  const picture = document.createElement("canvas");
  const { rows, columns } = lab.drawing;
  paintLevels(picture, lab.image.filter((_, i) => i % CHANNELS === 0), columns, rows);
  const [first] = places;
  const image = make("g", { class: "node" }, make("image", {
    href: picture.toDataURL(), x: first.x, y: first.y, width: first.side, height: first.side * rows / columns,
    preserveAspectRatio: "none", class: "pixelated" }));
  // Units shown: those that answer most, in the order of their numbers.
  const shown = trace.activations.map((a, layer) => (layer === layers - 1 ? [...a.keys()]
    : [...new Set([trace.path[layer + 1], ...ranking(a.map(Math.abs))])].slice(0, CELLS).sort((i, j) => i - j)));
  const centre = (layer, unit) => { // of a node; layer 0 is the image
    const place = places[layer];
    if (layer === 0) {
      const pixel = Math.floor(unit / CHANNELS);
      return [place.x + (pixel % columns + 0.5) * place.side / columns,
        place.y + (Math.floor(pixel / columns) + 0.5) * place.side / columns];
    }
    const at = shown[layer - 1].indexOf(unit);
    if (layer === layers) return [place.x, place.y + (at + 0.5) * place.step];
    return [place.x + (at % place.columns + 0.5) * place.step, place.y + (Math.floor(at / place.columns) + 0.5) * place.step];
  };
  const threads = trace.activations.map((a, layer) => {
    const to = layer === layers - 1 ? ranking(trace.probabilities).slice(0, 3)
      : shown[layer].filter((unit) => a[unit] > 0).sort((i, j) => a[j] - a[i]).slice(0, THREADS);
    const lines = [...new Set([trace.path[layer + 1], ...to])].flatMap((unit) => {
      const W = lab.network.layers[layer][0];
      const given = layer === 0 ? work.X.data : trace.activations[layer - 1];
      const from = layer === 0
        ? ranking(given.map((x, i) => Math.abs(x * W.data[i * W.columns + unit] * (lab.image[i] > 0)))).slice(0, 2)
        : shown[layer - 1].filter((i) => given[i] !== 0)
          .sort((i, j) => Math.abs(given[j] * W.data[j * W.columns + unit]) - Math.abs(given[i] * W.data[i * W.columns + unit])).slice(0, 5);
      return from.map((i) => [i, unit]);
    });
    return make("g", { class: "threads" }, ...lines.map(([i, j]) => makeThread(centre(layer, i), centre(layer + 1, j), isWide, "")),
      makeThread(centre(layer, trace.path[layer]), centre(layer + 1, trace.path[layer + 1]), isWide, "path"));
  });
  const cells = shown.slice(0, -1).map((units, layer) => units.map((unit) => {
    const [x, y] = centre(layer + 1, unit);
    const half = 0.42 * places[layer + 1].step;
    return make("rect", { class: unit === trace.path[layer + 1] ? "cell path" : "cell", x: x - half, y: y - half, width: 2 * half, height: 2 * half, rx: 0.2 * half });
  }));
  const titles = places.map((place, layer) => make("text", { class: "title", x: place.title[0], y: place.title[1], "text-anchor": place.anchor }, say(
    layer === 0 ? !lab.drawing.isPicture ? "watch.drawing" : truthOf(lab.image) === null ? "watch.image" : "watch.example" : layer === layers ? "watch.classes" : "watch.units", { n: DATA.sizes[layer].toLocaleString("en") })));
  const last = places[layers];
  const bars = [...trace.probabilities].map((p, k) => {
    const y = last.y + (k + 0.5) * last.step;
    return make("g", { class: k === trace.label ? "class wanted" : "class" },
      make("text", { x: last.x + 8, y, "dominant-baseline": "central" }, nameOf(k)),
      make("rect", { class: "track", x: last.x + last.name, y: y - 4, width: last.length, height: 8, rx: 4 }),
      make("rect", { class: "level", x: last.x + last.name, y: y - 4, height: 8, rx: 4 }),
      make("text", { class: "number", x: last.x + last.name + last.length + 8, y, "dominant-baseline": "central" }));
  });
  const told = make("g", { class: "told" });
  svg.append(...threads, image, ...cells.map((each) => make("g", { class: "node" }, ...each)), make("g", { class: "node" }, ...bars), ...titles, told);

  const light = (scene) => {
    // Show what a scene shows: layers that are lit, values in the units, numbers on the path.
    const nodes = [...svg.querySelectorAll(".node")];
    nodes.forEach((node, layer) => node.classList.toggle("dim", !scene.nodes.includes(layer)));
    threads.forEach((group, layer) => {
      group.setAttribute("class", `threads ${scene.threads === layer ? scene.isBack ? "back" : "flow" : ""}`);
    });
    cells.forEach((group, layer) => {
      const values = (scene.isBack ? trace.gradients : trace.activations)[layer];
      const most = Math.max(...values.map(Math.abs), 1e-12);
      group.forEach((cell, i) => {
        const value = values[shown[layer][i]];
        const isKnown = scene.known.includes(layer + 1);
        cell.style.fillOpacity = isKnown ? 0.1 + 0.9 * (Math.abs(value) / most) ** 0.6 : 0.08;
        cell.classList.toggle("plus", isKnown && scene.isBack && value > 0);
        cell.classList.toggle("minus", isKnown && scene.isBack && value < 0);
      });
    });
    bars.forEach((bar, k) => {
      const isKnown = scene.known.includes(layers);
      const [, , level, number] = bar.children;
      const value = scene.classes === "error" ? trace.error[k] : scene.classes === "after" ? trace.after[k] : trace.probabilities[k];
      level.style.width = `${isKnown && scene.classes ? last.length * Math.abs(value) : 0}px`;
      level.classList.toggle("minus", scene.classes === "error" && value < 0);
      number.textContent = !isKnown ? "" : scene.classes ? fixed(value, 3) : fixed(trace.logits[k], 2);
    });
    told.replaceChildren(...scene.told.map(([layer, text]) => {
      const [x, y] = centre(layer, trace.path[layer]);
      return make("text", { x, y: y - (layer ? 0.75 * places[layer].step : 8), "text-anchor": "middle" }, text);
    }));
  };
  return { svg, light };
}

function makeThread([x0, y0], [x1, y1], isWide, kind) {
  const bend = isWide ? `C${(x0 + x1) / 2} ${y0} ${(x0 + x1) / 2} ${y1}` : `C${x0} ${(y0 + y1) / 2} ${x1} ${(y0 + y1) / 2}`;
  return make("path", { class: `thread ${kind}`, d: `M${x0} ${y0} ${bend} ${x1} ${y1}`, pathLength: 100 });
}

function placeLayers(isWide, layers, [width, height]) {
  // Where each layer stands; of the last, `name` and `length` are the widths of names and bars.
  const classes = DATA.sizes.at(-1);
  if (isWide) {
    const [side, end] = [270, 320];
    const y = (height - side) / 2 + 10;
    const wide = 30 * 6;
    const gap = (width - side - end - wide * (layers - 1)) / layers;
    const hidden = Array.from({ length: layers - 1 }, (_, i) => {
      const x = side + gap * (i + 1) + wide * i;
      return { x, y: height / 2 - 110, step: 30, columns: 6, title: [x + wide / 2, height / 2 - 122], anchor: "middle" };
    });
    const step = Math.min(34, (height - 50) / classes);
    const top = (height - step * classes) / 2 + 10;
    return [{ x: 4, y, side, title: [4 + side / 2, y - 12], anchor: "middle" }, ...hidden,
      { x: width - end, y: top, step, name: 118, length: 130, title: [width - end + 8, top - 10], anchor: "start" }];
  }
  const hidden = Array.from({ length: layers - 1 }, (_, i) => ({
    x: 19, y: 142 + 66 * i, step: 22, columns: 16, title: [19, 136 + 66 * i], anchor: "start",
  }));
  const top = 158 + 66 * (layers - 1);
  return [{ x: 140, y: 4, side: 110, title: [19, 30], anchor: "start" }, ...hidden,
    { x: 11, y: top, step: 18, name: 112, length: 190, title: [19, top - 8], anchor: "start" }];
}
