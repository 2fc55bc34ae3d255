// Teach it: classes of one's own, drawn or dropped into boxes.

const FEWEST = 3; // drawings in a box
const MOST_BOXES = 6;

const teach = {
  id: "teach",
  view: "boxes",
  boxes: [], // {name, images}
  removed: null, // {box, at, image}: what was taken out last, to be put back
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
    teach.before = lab.drawing.isEmpty ? null : String(lab.image);
    teach.carried = make("p", { class: "quiet", hidden: teach.before === null }, say("teach.carried"));
    return [make("div", { class: "left" }, teach.heading, teach.stage, teach.carried),
      make("div", { class: "right" }, make("div", {}, watch.makeNotice(), teach.tabs), teach.panel)];
  },

  changed() {
    if (teach.isLearning) return;
    if (teach.before !== String(lab.image)) teach.carried.hidden = true;
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
      teach.back = button("teach.putBack", () => {
        const { box, at, image } = teach.removed;
        box.images.splice(at, 0, image);
        teach.removed = null;
        teach.changed();
        teach.more.focus({ preventScroll: true });
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
      return [teach.list, make("div", { class: "controls" }, teach.start, teach.more, teach.back), teach.status];
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
            teach.removed = { box, at: i, image };
            box.images.splice(i, 1);
            teach.changed();
            teach.back.focus({ preventScroll: true });
          } }, canvas);
        }));
      });
      const chosen = teach.boxes.filter((box) => box.images.length >= FEWEST);
      const [filled, names] = [chosen.length, distinct(chosen.map((box) => box.name))];
      const isRenamed = names.some((name, k) => name !== chosen[k].name);
      const n = teach.boxes.reduce((sum, box) => sum + box.images.length, 0);
      teach.start.disabled = filled < 2;
      teach.more.disabled = teach.boxes.length >= MOST_BOXES;
      teach.back.hidden = !teach.removed;
      teach.status.textContent = say(filled < 2 ? "teach.few" : "teach.enough", { n, fewest: FEWEST })
        + (isRenamed ? say("teach.renamed", { names: names.join(", ") }) : "");
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
        : say(distance > 1 ? "teach.far" : "ask.sure", { p: asPercent(P[best]) });
      teach.bars.hidden = isEmpty;
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
