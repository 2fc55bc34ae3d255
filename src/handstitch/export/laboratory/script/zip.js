// What leaves the page: drawings.npz and model.safetensors, byte for byte as Python writes them.

const join = (...parts) => {
  // Bytes, one after another; a number is that many zeros.
  const all = parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
  const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

const little = (number, size) => Uint8Array.from({ length: size }, (_, i) => Math.floor(number / 256 ** i) % 256);

const bytesIn = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function sha256(bytes) {
  // FIPS 180-4, in hexadecimal. The browser's own works on secure pages alone, which a file is not.
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32) | 0;
  const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
  const H = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 128;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length * 8) % 2 ** 32);
  const w = new Int32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let start = 0; start < padded.length; start += 64) {
    for (let t = 0; t < 64; t++) {
      if (t < 16) { w[t] = view.getInt32(start + 4 * t); continue; }
      const [x, y] = [w[t - 15], w[t - 2]];
      w[t] = w[t - 16] + w[t - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let t = 0; t < 64; t++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0;
      d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { H[i] += value; });
  }
  return [...H].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

const crc32 = (bytes) => (bytes.reduce((crc, byte) => CRC[(crc ^ byte) & 255] ^ (crc >>> 8), -1) ^ -1) >>> 0;

function zip(files) {
  // An archive of {name: bytes}, nothing compressed.
  const [parts, directory] = [[], []];
  let at = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const about = join(little(20, 2), little(0, 4), little(0, 2), little(0x21, 2), little(crc32(bytes), 4),
      little(bytes.length, 4), little(bytes.length, 4), little(name.length, 2), little(0, 2));
    parts.push(join("PK\x03\x04", about, name, bytes));
    directory.push(join("PK\x01\x02", little(20, 2), about, little(0, 10), little(at, 4), name));
    at += parts.at(-1).length;
  }
  const list = join(...directory);
  const n = little(directory.length, 2);
  return join(...parts, list, "PK\x05\x06", little(0, 4), n, n, little(list.length, 4), little(at, 4), little(0, 2));
}

function npy(kind, shape, bytes) {
  // An array as NumPy saves it, format 1.0.
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  return join(Uint8Array.of(0x93), "NUMPY", Uint8Array.of(1, 0), little(padded.length, 2), padded, bytes);
}

function drawingsNpz(images, labels) {
  // images (n, …) uint8 and labels (n,), which are words: the names of the classes.
  const longest = Math.max(...labels.map((label) => [...label].length));
  const text = new Uint32Array(labels.length * longest);
  labels.forEach((label, i) => text.set([...label].map((letter) => letter.codePointAt(0)), i * longest));
  return zip({
    "images.npy": npy("|u1", [images.length, ...DATA.image_shape], join(...images)),
    "labels.npy": npy(`<U${longest}`, [labels.length], bytesIn(text)),
  });
}

const sorted = (value) => (Array.isArray(value) || typeof value !== "object" ? value
  : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])));

function modelSafetensors(parameters, names) {
  // A model file, as model/safetensors_file.py writes it: its header holds a SHA-256 over everything.
  const arrays = {};
  parameters.sizes.slice(1).forEach((_, layer) => {
    const W = parameters.weights[layer];
    arrays[`layers.${layer}.bias`] = ["F32", "<f4", [W.columns], bytesIn(Float32Array.from(parameters.biases[layer].data))];
    arrays[`layers.${layer}.weight`] = ["F32", "<f4", [W.rows, W.columns], bytesIn(Float32Array.from(W.data))];
  });
  if (DATA.windows.length) {
    const rectangles = DATA.windows.flatMap((window) => Array(window[5]).fill(window.slice(0, 4)));
    arrays.receptive_fields = ["U16", "<u2", [rectangles.length, 4], bytesIn(Uint16Array.from(rectangles.flat()))];
  }
  const description = {
    format: "handstitch model", version: 2, origin: "import", class_names: names, dataset: "drawings",
    image_shape: DATA.image_shape, config: {}, history: [], versions: {},
    architecture: { sizes: parameters.sizes, activations: DATA.activations },
    preprocessing: { offset: DATA.offset, scale: DATA.scale },
    ...(DATA.background ? { background: DATA.background } : {}),
  };
  const counted = (bytes) => [little(bytes.length, 8), bytes];
  const bytesOfText = (text) => new TextEncoder().encode(text);
  const facts = Object.entries(arrays).flatMap(([name, [, kind, shape, bytes]]) => [
    ...counted(bytesOfText(`["${name}", "${kind}", [${shape.join(", ")}]]`)), bytes]);
  description.digest = sha256(join(...counted(bytesOfText(JSON.stringify(sorted(description)))), ...facts));
  const entries = { __metadata__: { handstitch: JSON.stringify(sorted(description)) } };
  let end = 0;
  for (const [name, [dtype, , shape, bytes]] of Object.entries(arrays)) {
    entries[name] = { dtype, shape, data_offsets: [end, (end += bytes.length)] };
  }
  let header = bytesOfText(JSON.stringify(entries));
  header = join(header, " ".repeat((8 - header.length % 8) % 8));
  return join(little(header.length, 8), header, ...Object.values(arrays).map(([, , , bytes]) => bytes));
}
