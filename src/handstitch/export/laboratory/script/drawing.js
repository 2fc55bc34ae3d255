// What is drawn, and its preparation: as the images of training were prepared.

const FINE = 280; // points of the longer side of a drawing
const INK = 24; // darker is paper
const CLOTH = 165; // what is poured into a closed line
const MOST_UNDOS = 40;

// How pictures of known data sets were placed: the longer side of what is drawn, in parts of the
// image, and what is put in the middle. Of any other data set drawings stay where they are.
const PLACED = {
  "fashion-mnist": { side: 1, centre: "box" },
  sketch: { side: 0.9, centre: "box" },
  mnist: { side: 20 / 28, centre: "mass" },
};

class Drawing {
  constructor([rows, columns]) {
    const scale = FINE / Math.max(rows, columns);
    Object.assign(this, { rows, columns, past: [], isPicture: false });
    this.height = Math.round(rows * scale);
    this.width = Math.round(columns * scale);
    this.levels = new Uint8Array(this.width * this.height);
  }

  get isEmpty() {
    return !this.isPicture && this.levels.every((level) => level < INK);
  }

  keep() {
    // Remember this state, to come back to.
    this.past.push([this.levels.slice(), this.isPicture]);
    if (this.past.length > MOST_UNDOS) this.past.shift();
  }

  undo() {
    if (this.past.length) [this.levels, this.isPicture] = this.past.pop();
  }

  clear() {
    this.keep();
    this.levels.fill(0);
    this.isPicture = false;
  }

  stroke([x0, y0], [x1, y1], radius, isEraser) {
    // Ink along a line, in points; its edge is soft over a tenth of an image's pixel row and more.
    const soft = 0.5 * FINE / Math.max(this.rows, this.columns);
    const [dx, dy, reach] = [x1 - x0, y1 - y0, radius + soft];
    const length = dx * dx + dy * dy;
    const [top, bottom] = [Math.min(y0, y1) - reach, Math.max(y0, y1) + reach];
    const [left, right] = [Math.min(x0, x1) - reach, Math.max(x0, x1) + reach];
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(this.height, bottom); y++) {
      for (let x = Math.max(0, Math.floor(left)); x < Math.min(this.width, right); x++) {
        const t = length ? Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length)) : 0;
        const away = Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
        const ink = 255 * Math.min(1, Math.max(0, (reach - away) / (2 * soft)));
        const at = y * this.width + x;
        this.levels[at] = isEraser
          ? Math.min(this.levels[at], 255 - ink)
          : Math.max(this.levels[at], ink);
      }
    }
  }

  pour(x, y) {
    // Fill the dark region around a point, up to the lines that close it in.
    const open = [[Math.round(x), Math.round(y)]];
    const isOpen = (at) => this.levels[at] < CLOTH;
    while (open.length) {
      const [column, row] = open.pop();
      let left = column;
      const line = row * this.width;
      if (!isOpen(line + column)) continue;
      while (left > 0 && isOpen(line + left - 1)) left -= 1;
      for (let at = left; at < this.width && isOpen(line + at); at++) {
        this.levels[line + at] = CLOTH;
        if (row > 0 && isOpen(line - this.width + at)) open.push([at, row - 1]);
        if (row + 1 < this.height && isOpen(line + this.width + at)) open.push([at, row + 1]);
      }
    }
  }

  put(image, channels) {
    // Show an image of the network's size, grey, as it is.
    this.keep();
    this.isPicture = true;
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        const row = Math.floor(y * this.rows / this.height);
        const column = Math.floor(x * this.columns / this.width);
        this.levels[y * this.width + x] = image[(row * this.columns + column) * channels];
      }
    }
  }

  box() {
    // left, top, width and height of what is drawn.
    let [left, top, right, bottom] = [this.width, this.height, 0, 0];
    this.levels.forEach((level, at) => {
      if (level < INK) return;
      const [x, y] = [at % this.width, Math.floor(at / this.width)];
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    });
    return [left, top, right - left, bottom - top];
  }
}

function resample(levels, [width, height], box, [rows, columns]) {
  // Part `box` of grey levels (height, width) as an image of rows × columns, by Lanczos' filter, which
  // looks beyond the box, as pillow's does.
  const [left, top, wide, high] = box;
  const lanczos = (x) => {
    const [a, b] = [Math.PI * x, Math.PI * x / 3];
    return x === 0 ? 1 : Math.abs(x) < 3 ? Math.sin(a) / a * Math.sin(b) / b : 0;
  };
  const weigh = (size, start, length, end) => Array.from({ length: size }, (_, i) => {
    const scale = Math.max(1, length / size);
    const centre = start + (i + 0.5) * length / size;
    const first = Math.max(0, Math.floor(centre - 3 * scale + 0.5));
    const last = Math.min(end, Math.floor(centre + 3 * scale + 0.5));
    const weights = [];
    for (let at = first; at < last; at++) weights.push(lanczos((at + 0.5 - centre) / scale));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return [first, weights.map((weight) => weight / total)];
  });
  const bounded = (level) => Math.min(255, Math.max(0, Math.round(level)));
  const down = weigh(rows, top, high, height);
  const narrow = new Uint8Array(height * columns);
  weigh(columns, left, wide, width).forEach(([first, weights], column) => {
    for (let y = down[0][0]; y < down.at(-1)[0] + down.at(-1)[1].length; y++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * levels[y * width + first + k];
      narrow[y * columns + column] = bounded(sum);
    }
  });
  const image = new Uint8Array(rows * columns);
  down.forEach(([first, weights], row) => {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      weights.forEach((weight, k) => { sum += weight * narrow[(first + k) * columns + column]; });
      image[row * columns + column] = bounded(sum);
    }
  });
  return image;
}

function place(drawing, dataset) {
  // The drawing as an image: cropped, scaled and centred as the images of its data set.
  const { rows, columns, levels, width, height } = drawing;
  const placed = PLACED[dataset];
  if (drawing.isPicture || !placed) {
    return resample(levels, [width, height], [0, 0, width, height], [rows, columns]);
  }
  const image = new Uint8Array(rows * columns);
  if (drawing.isEmpty) return image;
  const box = drawing.box();
  const scale = placed.side * Math.min(rows / box[3], columns / box[2]);
  const size = [box[3], box[2]].map((side) => Math.max(1, Math.round(side * scale)));
  const small = resample(levels, [width, height], box, size);
  let [down, across] = [Math.round((rows - size[0]) / 2), Math.round((columns - size[1]) / 2)];
  if (placed.centre === "mass") {
    let [total, y, x] = [0, 0, 0];
    small.forEach((level, at) => {
      total += level;
      y += level * (Math.floor(at / size[1]) + 0.5);
      x += level * (at % size[1] + 0.5);
    });
    down = Math.min(rows - size[0], Math.max(0, Math.round(rows / 2 - y / total)));
    across = Math.min(columns - size[1], Math.max(0, Math.round(columns / 2 - x / total)));
  }
  for (let row = 0; row < size[0]; row++) {
    const line = small.subarray(row * size[1], (row + 1) * size[1]);
    image.set(line, (row + down) * columns + across);
  }
  return image;
}

async function readPicture(file, [rows, columns], background) {
  // A picture file: grey, its middle cut out, made small, and inverted if it is on the other
  // background than the images of training. Each stage is kept, to be shown.
  const bitmap = await createImageBitmap(file);
  const reduce = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height));
  const [wide, high] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * reduce)));
  const canvas = new OffscreenCanvas(wide, high);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, wide, high);
  pen.drawImage(bitmap, 0, 0, wide, high);
  const colours = pen.getImageData(0, 0, wide, high).data;
  const levels = new Uint8Array(wide * high);
  for (let at = 0; at < levels.length; at++) {
    const [red, green, blue] = colours.subarray(4 * at, 4 * at + 3);
    levels[at] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
  }
  const scale = Math.min(wide / columns, high / rows);
  const [width, height] = [columns * scale, rows * scale];
  const box = [(wide - width) / 2, (high - height) / 2, width, height];
  const small = resample(levels, [wide, high], box, [rows, columns]);
  const opposite = background && edgeOf(small, rows, columns) === { dark: "light", light: "dark" }[background];
  return {
    image: opposite ? small.map((level) => 255 - level) : small,
    stages: [
      ["picture", { levels, width: wide, height: high }],
      ["cut", { levels: small, width: columns, height: rows }],
      ...(opposite ? [["inverted", { levels: small.map((l) => 255 - l), width: columns, height: rows }]] : []),
    ],
  };
}

function edgeOf(image, rows, columns) {
  // What most of the pixels at the edge are: "dark", "light" or "".
  const edge = [...image].filter((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return row === 0 || column === 0 || row === rows - 1 || column === columns - 1;
  }).sort((a, b) => a - b);
  const middle = edge[Math.floor(edge.length / 2)];
  return middle < 64 ? "dark" : middle > 191 ? "light" : "";
}

function paintLevels(canvas, levels, width, height) {
  // Grey levels on a canvas of as many points.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  new Uint32Array(image.data.buffer).set(Uint32Array.from(levels, (l) => 0xff000000 | (l * 0x10101)));
  pen.putImageData(image, 0, 0);
}
