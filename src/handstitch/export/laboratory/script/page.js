// The page: its words, its rooms, the stage that all rooms draw on, and the code beside.

const DATA = JSON.parse(document.getElementById("network").textContent);
const CHANNELS = DATA.image_shape[2] ?? 1;
const ROOMS = []; // {id, make(): element, changed()}, from the files that follow

const lab = {
  network: readNetwork(DATA),
  drawing: new Drawing(DATA.image_shape),
  image: new Uint8Array(DATA.sizes[0]),
  stages: [], // of a picture's preparation
  language: navigator.language.startsWith("zh") ? "zh" : "en",
  room: null,
  tool: "brush",
  example: -1,
  examples: DATA.examples ? bytesOf(DATA.examples) : new Uint8Array(0),
};

function say(key, values = {}) {
  // The words for a key in the language chosen, {names} filled in.
  const words = key.split(".").reduce((table, part) => table[part], DATA.words[lab.language]);
  return words.replace(/\{(\w+)\}/g, (text, name) => values[name] ?? text);
}

const nameOf = (k) => className(DATA.class_names[k]);

const className = (name) => DATA.words[lab.language].classes[name] ?? name;

const asPercent = (p) => (p > 0.9995 ? "> 99.9" : (100 * p).toFixed(p < 0.1 ? 2 : 1)) + " %";

const fixed = (x, digits = 3) => x.toFixed(digits).replace("-", "−");

function make(tag, properties = {}, ...children) {
  // An element; `on…` are listeners, `class` and `aria-…` attributes. Text is never HTML.
  const isSvg = ["svg", "path", "circle", "line", "rect", "text", "g", "polyline", "image", "title"].includes(tag);
  const node = isSvg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (!isSvg && name in node && !name.includes("-")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function fill(node, ...children) {
  // Other children; whoever was on one of the old ones stays on the same control, or in the node.
  const held = node.contains(document.activeElement) ? document.activeElement : null;
  node.replaceChildren(...children.filter((child) => child !== null));
  if (!held || held.isConnected) return;
  const to = controlOf(held.dataset.control, node) ?? node.querySelector("button:enabled") ?? node;
  if (to === node) node.tabIndex = -1;
  to.focus({ preventScroll: true });
}

const controlOf = (name, within) => name && within.querySelector(`[data-control="${name}"]:enabled`);

function button(key, press, properties = {}) {
  // `data-control` names it for the keyboard, which stays on it when all is made anew.
  return make("button", { type: "button", onclick: press, "data-control": key, ...properties }, say(key));
}

// ── What the network is asked ────────────────────────────────────────────────────────────────

const work = new Workspace(lab.network, 1);

function logitsOf(image) {
  // Z of one image of bytes; the activations stay in `work`.
  const X = work.X.data;
  for (let i = 0; i < X.length; i++) X[i] = (image[i] - DATA.offset) * DATA.scale;
  return lab.network.forward(work.X, work).data;
}

function probabilitiesOf(image, temperature = DATA.temperature) {
  // P = softmax(Z / T); T = 1 in training.
  const Z = new Matrix(logitsOf(image).map((z) => z / temperature), 1, DATA.sizes.at(-1));
  softmax(Z, Z);
  return Z.data;
}

const ranking = (values) => [...values.keys()].sort((a, b) => values[b] - values[a]);

function prepare() {
  // The image of the drawing.
  const grey = place(lab.drawing, DATA.dataset);
  const isLight = DATA.background === "light" && !lab.drawing.isPicture;
  lab.image = Uint8Array.from(lab.image, (_, i) => {
    const level = grey[Math.floor(i / CHANNELS)];
    return isLight ? 255 - level : level;
  });
}

function changed() {
  // The drawing is another: prepare it, and let the room answer.
  if (!lab.isPrepared) prepare();
  lab.isPrepared = false;
  lab.room.changed();
}

// ── The stage ────────────────────────────────────────────────────────────────────────────────

const RADII = { pencil: 0.025, brush: 0.045, eraser: 0.06 }; // parts of the longer side

function makeStage(hasHint = false) {
  // The square that is drawn on, by mouse, finger, pen or keys, and its tools.
  const { drawing } = lab;
  const canvas = make("canvas", {
    class: "paper", tabIndex: 0, role: "img", "aria-label": say("stage.label"),
  });
  canvas.style.touchAction = "none"; // a finger draws, even where the style sheet is missing
  const cursor = make("span", { class: "cursor", hidden: true });
  const hint = makeHint();
  const show = () => {
    paintLevels(canvas, drawing.levels, drawing.width, drawing.height);
    canvas.classList.toggle("pixelated", drawing.isPicture);
    hint.toggleAttribute("hidden", !hasHint || !drawing.isEmpty);
  };
  const update = () => { show(); changed(); };
  const pointAt = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [
      (event.clientX - frame.left) / frame.width * drawing.width,
      (event.clientY - frame.top) / frame.height * drawing.height,
    ];
  };
  let last = null;
  const draw = (to) => {
    drawing.stroke(last, to, RADII[lab.tool] * FINE, lab.tool === "eraser");
    last = to;
  };
  const begin = (point) => {
    drawing.keep();
    lab.stages = [];
    if (lab.tool === "fill") drawing.pour(...point);
    else { last = point; draw(point); }
    update();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    begin(pointAt(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null || !canvas.hasPointerCapture(event.pointerId)) return;
    const moves = event.getCoalescedEvents();
    for (const each of moves.length ? moves : [event]) draw(pointAt(each));
    update();
  });
  const end = () => { last = null; };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  // Arrow keys move a cursor by one pixel of the image, space puts the pen down and up.
  const at = [0.5 * drawing.width, 0.5 * drawing.height];
  let isDown = false;
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move) {
      const step = FINE / Math.max(drawing.rows, drawing.columns);
      at[0] = Math.min(drawing.width - 1, Math.max(0, at[0] + step * move[0]));
      at[1] = Math.min(drawing.height - 1, Math.max(0, at[1] + step * move[1]));
      if (isDown) { draw([...at]); update(); }
    } else if (event.key === " ") {
      isDown = lab.tool !== "fill" && !isDown;
      if (isDown || lab.tool === "fill") begin([...at]);
      else last = null;
    } else return;
    event.preventDefault();
    cursor.hidden = false;
    cursor.classList.toggle("down", isDown);
    cursor.style.left = `${100 * at[0] / drawing.width}%`;
    cursor.style.top = `${100 * at[1] / drawing.height}%`;
  });
  canvas.addEventListener("blur", () => { cursor.hidden = true; isDown = false; last = null; });

  const take = async (file) => {
    if (!file) return;
    try {
      const found = await readPicture(file, DATA.image_shape, DATA.background);
      showPicture(Uint8Array.from(lab.image, (_, i) => found.image[Math.floor(i / CHANNELS)]), found.stages);
    } catch {
      lab.stages = [["unreadable", null]];
      changed();
    }
  };
  const showPicture = (image, stages = []) => {
    drawing.put(image, CHANNELS);
    lab.image.set(image);
    Object.assign(lab, { stages, isPrepared: true });
    update();
  };
  const tools = ["pencil", "brush", "fill", "eraser"].map((tool) => button(`stage.${tool}`, () => {
    lab.tool = tool;
    for (const each of tools) each.setAttribute("aria-pressed", each === tools[["pencil", "brush", "fill", "eraser"].indexOf(tool)]);
  }, { "aria-pressed": String(lab.tool === tool) }));
  const file = make("input", {
    type: "file", accept: "image/*", hidden: true,
    onchange: () => { take(file.files[0]); file.value = ""; },
  });
  const turn = (by) => {
    const n = lab.examples.length / DATA.sizes[0];
    lab.example = (lab.example + by + n) % n;
    showPicture(lab.examples.slice(lab.example * DATA.sizes[0], (lab.example + 1) * DATA.sizes[0]));
  };
  const stage = make("div", {
    class: "stage",
    ondragover: (event) => { event.preventDefault(); stage.classList.add("over"); },
    ondragleave: () => stage.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      take(event.dataTransfer.files[0]);
    },
  },
  make("div", { class: "frame" }, canvas, hint, cursor),
  make("div", { class: "tools", role: "toolbar", "aria-label": say("stage.tools") },
    make("div", { class: "choice" }, ...tools),
    make("div", { class: "choice" },
      button("stage.undo", () => { drawing.undo(); lab.stages = []; update(); }),
      button("stage.clear", () => { drawing.clear(); lab.stages = []; update(); }))),
  make("div", { class: "tools" },
    make("div", { class: "choice" }, button("stage.photo", () => file.click()), file),
    lab.examples.length ? make("div", { class: "choice" },
      button("stage.previous", () => turn(-1), { "aria-label": say("stage.previousLabel") }),
      make("span", { class: "between" }, say("stage.examples")),
      button("stage.next", () => turn(1), { "aria-label": say("stage.nextLabel") })) : null));
  stage.show = show;
  show();
  return stage;
}

function makeHint() {
  // A bag that draws itself, until somebody draws.
  return make("svg", { class: "hint", viewBox: "0 0 28 28", "aria-hidden": "true" },
    make("path", { d: "M1 12 H27 V24 H1 Z", pathLength: 1 }),
    make("path", { d: "M9 12 C9 5 19 5 19 12", pathLength: 1 }));
}

// ── Rooms, language, code ────────────────────────────────────────────────────────────────────

function start() {
  lab.room = ROOMS[0];
  document.querySelector("noscript")?.remove();
  enter(lab.room);
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (isPlain && !event.target.closest("select, input, .paper, dialog")) lab.room.key?.(event);
  });
}

function enter(room) {
  // Show a room, in the language chosen.
  const held = document.activeElement?.dataset?.control;
  if (room !== lab.room) lab.room.leave?.();
  lab.room = room;
  document.documentElement.lang = say("html_lang");
  document.title = say("title");
  const rooms = ROOMS.map((each) => button(`${each.id}.room`, () => enter(each), {
    "aria-current": each === room ? "page" : null,
  }));
  const header = make("header", {},
    make("p", { class: "sign" }, make("b", {}, "Handstitch"), ` ${say("laboratory")}`),
    make("nav", { "aria-label": say("rooms") }, ...rooms),
    make("div", { class: "switches" },
      button("code.open", () => openCode(room.code()), { class: "quiet" }),
      button("other", () => {
        lab.language = lab.language === "en" ? "zh" : "en";
        enter(lab.room);
      }, { class: "quiet", lang: say("other_lang") })));
  const main = make("main", { class: room.id });
  document.body.replaceChildren(document.getElementById("network"), header, main);
  main.append(...room.make());
  room.changed();
  controlOf(held, document)?.focus({ preventScroll: true });
}

function sourceOf(name) {
  // The text of a function, as it runs here.
  const [owner, method] = name.split(".");
  const found = { gemm, softmax, softmaxCrossEntropy, Network, Optimizer, sgd, adam }[owner];
  return String(method ? found.prototype[method] : found).replace(/^ {2}/gm, method ? "" : "  ");
}

function openCode(name) {
  // The code beside: what runs here, and the same function of core in Python.
  const shown = make("div", { class: "sources" });
  const choose = (chosen) => {
    shown.replaceChildren(
      make("figure", {}, make("figcaption", {}, say("code.here")), make("pre", { tabIndex: 0 }, sourceOf(chosen))),
      make("figure", {}, make("figcaption", {}, say("code.python")), make("pre", { tabIndex: 0 }, DATA.python[chosen])));
  };
  const names = Object.keys(DATA.python);
  const select = make("select", { onchange: () => choose(select.value), "aria-label": say("code.choose") },
    ...names.map((each) => make("option", { value: each, selected: each === name }, each)));
  const dialog = make("dialog", { class: "code", onclose: () => dialog.remove() },
    make("div", { class: "head" }, make("h2", {}, say("code.heading")), select,
      button("code.close", () => dialog.close())),
    make("p", {}, say("code.lead")), shown);
  choose(name);
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("DOMContentLoaded", start);
