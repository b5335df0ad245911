// What the user has chosen so far, and who wants to know.

const listeners = new Set();

export const chosen = {
  place: null, // {root, path, name, isFile, count}
  sample: null, // {root, path}: the picture that is tried on
  model: null,
  compared: new Set(),
  settings: {
    precision: "float32", engine: "auto", recursive: true, until: null, longest: null,
    format: "same", quality: 90, metadata: "keep",
  },
  output: null,
};

export function change(values) {
  Object.assign(chosen, values);
  for (const each of listeners) each(chosen);
}

export function onChange(listener) {
  listeners.add(listener);
  listener(chosen);
}
