// Ask: draw, and see what the network says, what it sees, why, and which of its units answer.

const UNITS = 9; // units that are shown

const ask = {
  id: "ask",
  view: "says",
  views: ["says", "sees"],
  code: () => "Network.forward",

  make() {
    ask.stage = makeStage(["fashion-mnist", "sketch"].includes(DATA.dataset));
    ask.panel = make("section", { class: "panel", "aria-live": "off" });
    ask.tabs = make("div", { class: "tabs", role: "group", "aria-label": say("ask.views") });
    const isGarments = ["fashion-mnist", "sketch"].includes(DATA.dataset);
    return [
      make("div", { class: "left" },
        make("h1", {}, say(isGarments ? "ask.garments" : "ask.any")), ask.stage),
      make("div", { class: "right" }, make("div", {}, watch.makeNotice(), ask.tabs), ask.panel),
    ];
  },

  changed() {
    ask.probabilities = probabilitiesOf(lab.image);
    ask.order = ranking(ask.probabilities);
    const isEmpty = lab.drawing.isEmpty;
    const view = isEmpty ? "nothing" : ask.view;
    if (ask.panel.dataset.view !== view || !ask.panel.firstChild) {
      ask.panel.dataset.view = view;
      ask.panel.replaceChildren(...ask[view].make());
      fill(ask.tabs, ...(isEmpty ? [] : ask.views.map((each) =>
        button(`ask.${each}`, () => { ask.view = each; ask.changed(); }, {
          "aria-pressed": String(each === view),
        }))));
    }
    ask[view].show();
  },

  nothing: {
    make: () => [
      make("p", { class: "verdict waiting" }, say("ask.waiting")),
      make("p", { class: "names" }, DATA.class_names.map(className).join(" · ")),
    ],
    show() {},
  },

  says: {
    make() {
      ask.verdict = make("p", { class: "verdict", role: "status" });
      ask.certainty = make("p", { class: "certainty" });
      ask.bars = makeBars(DATA.class_names);
      return [make("p", { class: "kicker" }, say("ask.itSays")), ask.verdict, ask.certainty, ask.bars];
    },
    show() {
      const [best, second] = ask.order;
      ask.verdict.textContent = nameOf(best);
      ask.certainty.textContent = say(ask.probabilities[best] > 0.9 ? "ask.sure" : "ask.unsure", {
        p: asPercent(ask.probabilities[best]), other: second === undefined ? "" : nameOf(second),
      });
      showBars(ask.bars, ask.probabilities);
    },
  },

  sees: {
    make() {
      ask.seen = make("canvas", { class: "seen pixelated" });
      ask.stages = make("ol", { class: "stages" });
      return [make("p", { class: "kicker" }, say("ask.itSees")),
        make("div", { class: "view" }, ask.seen), ask.stages];
    },
    show() {
      const { rows, columns, isPicture, width, height, levels } = lab.drawing;
      const grey = lab.image.filter((_, i) => i % CHANNELS === 0);
      paintLevels(ask.seen, grey, columns, rows);
      const isPlaced = PLACED[DATA.dataset] && !isPicture;
      const stages = lab.stages.length ? lab.stages : [
        ["drawn", { levels, width, height }],
        [isPlaced ? "placed" : "small", { levels: grey, width: columns, height: rows }],
      ];
      ask.stages.replaceChildren(...stages.map(([name, picture]) => {
        const thumb = make("canvas", { class: picture && picture.width < 100 ? "pixelated" : "" });
        if (picture) paintLevels(thumb, picture.levels, picture.width, picture.height);
        return make("li", {}, picture ? thumb : null,
          say(`ask.stages.${name}`, { rows, columns, side: Math.round(rows * (PLACED[DATA.dataset]?.side ?? 1)) }));
      }), make("li", {}, say("ask.stages.scaled", { offset: fixed(DATA.offset, 0), scale: DATA.scale.toFixed(5) })));
    },
  },
};

function makeBars(names) {
  // A bar for each class; `showBars` moves them.
  return make("ul", { class: "bars" }, ...names.map((name) => make("li", {},
    make("span", { class: "name" }, className(name)),
    make("span", { class: "track" }, make("span", { class: "bar" })),
    make("span", { class: "value" }))));
}

function showBars(bars, probabilities) {
  const best = ranking(probabilities)[0];
  [...bars.children].forEach((row, k) => {
    row.classList.toggle("best", k === best);
    row.querySelector(".bar").style.transform = `scaleX(${probabilities[k]})`;
    row.querySelector(".value").textContent = (100 * probabilities[k]).toFixed(1);
  });
}

ROOMS.push(ask);
