// Asks the server. Every address is relative, because the first part of the page's own is secret.

export class Refused extends Error {}

async function checked(answer) {
  if (answer.ok) return answer;
  let reason = `${answer.status}`;
  try {
    reason = (await answer.json()).error;
  } catch {
    // not from the page's own routes
  }
  throw new Refused(reason);
}

const query = (values) => new URLSearchParams(values).toString();

export async function get(path, values = {}) {
  return (await checked(await fetch(`api/${path}?${query(values)}`))).json();
}

export async function text(path) {
  return (await checked(await fetch(`api/${path}`))).text();
}

export async function post(path, value) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
  const answer = await checked(await fetch(`api/${path}`, options));
  return answer.status === 204 ? null : answer.json();
}

export async function remove(path) {
  await checked(await fetch(`api/${path}`, { method: "DELETE", headers: { "Content-Type": "application/json" } }));
}

export async function upload(path, name, file) {
  const options = { method: "PUT", headers: { "Content-Type": "application/octet-stream" }, body: file };
  await checked(await fetch(`api/${path}?${query({ name })}`, options));
}

export const address = (path, values = {}) => `api/${path}?${query(values)}`;

export function follow(onBatches, onEnd) {
  const source = new EventSource("api/events");
  let failures = 0;
  source.addEventListener("batches", (event) => {
    failures = 0;
    onBatches(JSON.parse(event.data));
  });
  source.addEventListener("end", () => {
    source.close();
    onEnd();
  });
  source.addEventListener("error", () => {
    failures += 1;
    if (failures >= 3 || source.readyState === EventSource.CLOSED) {
      source.close();
      onEnd();
    }
  });
}
