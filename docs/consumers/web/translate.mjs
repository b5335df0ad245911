// Runs a model in the page with onnxruntime-web. Export the model with
//   img2img export sr-compact-x2 --format onnx --image-io uint8 --out model.onnx
// which also prints the values for MODEL. `?picture=URL` translates that picture immediately.
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";

// `size` is [height, width] of a model that was exported with --size, otherwise null.
const MODEL = { file: "model.onnx", scale: 2, multiple: 1, minimum: 1, size: null };

ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // more threads need a cross-origin isolated page: headers COOP and COEP

const status = document.getElementById("status");
const result = document.getElementById("result");
const session = ort.InferenceSession.create(MODEL.file);

document.getElementById("file").addEventListener("change", (event) => show(event.target.files[0]));
const given = new URLSearchParams(location.search).get("picture");
if (given) fetch(given).then((answer) => answer.blob()).then(show);

async function show(file) {
  try {
    status.textContent = "Working ...";
    const started = performance.now();
    const made = await translate(await levelsOf(file));
    result.width = made.width;
    result.height = made.height;
    result.getContext("2d").putImageData(made, 0, 0);
    result.hidden = false;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    status.textContent = `${made.width} x ${made.height} pixels in ${seconds} s`;
  } catch (error) {
    status.textContent = `It failed: ${error.message}`;
  }
}

// A picture's RGB levels as stored in the file: no colour management, no premultiplied alpha.
export async function levelsOf(file) {
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

export async function translate({ data, width, height }) {
  const [high, wide] = MODEL.size ?? [height, width].map(legal);
  if (height > high || width > wide) {
    throw new Error(`${width}x${height} pixels: the model was exported for at most ${wide}x${high}`);
  }
  const levels = new Uint8Array(wide * high * 3);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const from = 4 * (mirrored(y, height) * width + mirrored(x, width));
      const to = 3 * (y * wide + x);
      for (let c = 0; c < 3; c++) levels[to + c] = data[from + c];
    }
  }
  const image = new ort.Tensor("uint8", levels, [1, high, wide, 3]);
  const { output } = await (await session).run({ image });
  const made = new ImageData(MODEL.scale * width, MODEL.scale * height);
  const across = output.dims[2];
  for (let y = 0; y < made.height; y++) {
    for (let x = 0; x < made.width; x++) {
      const from = 3 * (y * across + x);
      const to = 4 * (y * made.width + x);
      for (let c = 0; c < 3; c++) made.data[to + c] = output.data[from + c];
      const nearest = Math.floor(y / MODEL.scale) * width + Math.floor(x / MODEL.scale);
      made.data[to + 3] = data[4 * nearest + 3]; // alpha
    }
  }
  return made;
}

// The smallest supported size that is not less than `side`.
function legal(side) {
  return Math.max(MODEL.minimum, Math.ceil(side / MODEL.multiple) * MODEL.multiple);
}

// The index of a padded pixel: reflection at the border.
function mirrored(place, side) {
  const within = place % (2 * side);
  return within < side ? within : 2 * side - 1 - within;
}
