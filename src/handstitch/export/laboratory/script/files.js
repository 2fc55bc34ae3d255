// Bytes: the network in this page; model.safetensors and drawings.npz in one zip.

const HALVES = Float64Array.from({ length: 2 ** 16 }, (_, bits) => {
  // IEEE 754 half precision, by its bits.
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits & 0x8000 ? -size : size;
});

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const floatsOf = (text) => new Float32Array(bytesOf(text).buffer);

function pixelsOf([top, left, height, width], [, columns, channels = 1]) {
  // The numbers of the inputs inside a window, in the order of the image.
  const inputs = [];
  for (let row = top; row < top + height; row++) {
    for (let at = left * channels; at < (left + width) * channels; at++) {
      inputs.push(row * columns * channels + at);
    }
  }
  return inputs;
}

function readNetwork(data) {
  // The Network of the page's data; of a first layer with windows, what is inside was written.
  const parameters = new Parameters(data.sizes);
  let mask = null;
  data.layers.forEach((layer, number) => {
    const W = parameters.weights[number];
    const bytes = bytesOf(layer.weights);
    const isHalf = data.precision === "float16";
    const numbers = isHalf ? new Uint16Array(bytes.buffer) : new Int8Array(bytes.buffer);
    const scales = isHalf ? null : floatsOf(layer.scales);
    let next = 0;
    const put = (input, unit) => {
      const number = numbers[next++];
      W.data[input * W.columns + unit] = isHalf ? HALVES[number] : number * scales[unit];
    };
    if (number === 0 && data.windows.length) {
      mask = Matrix.zeros(W.rows, W.columns);
      for (const [top, left, height, width, first, units] of data.windows) {
        for (const input of pixelsOf([top, left, height, width], data.image_shape)) {
          for (let unit = first; unit < first + units; unit++) {
            put(input, unit);
            mask.data[input * W.columns + unit] = 1;
          }
        }
      }
    } else {
      for (let i = 0; i < W.data.length; i++) put(Math.floor(i / W.columns), i % W.columns);
    }
    parameters.biases[number].data.set(floatsOf(layer.biases));
  });
  return new Network(parameters, data.activations, 0, 0, mask);
}
