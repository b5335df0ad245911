// Texts of the page: one file per language. A text that a language lacks is the English one.

let texts = {};
let english = {};
let plural = new Intl.PluralRules("en");
export let language = "en";

async function read(name) {
  const answer = await fetch(`static/strings/${name}.json`);
  return answer.ok ? answer.json() : {};
}

export async function loadStrings(languages, stored) {
  const wanted = [stored, ...navigator.languages].filter(Boolean).map((each) => each.toLowerCase());
  const found = wanted.map((each) => languages.find((one) => one === each || one === each.split("-")[0]));
  language = found.find(Boolean) || "en";
  [english, texts] = await Promise.all([read("en"), language === "en" ? {} : read(language)]);
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

export function t(key, values = {}) {
  const forms = "count" in values ? [`${key}.${plural.select(values.count)}`, `${key}.other`, key] : [key];
  const found = forms.map((each) => texts[each]).find(Boolean) || forms.map((each) => english[each]).find(Boolean) || key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

export function translateElements(root = document) {
  for (const each of root.querySelectorAll("[data-text]")) each.textContent = t(each.dataset.text);
  for (const each of root.querySelectorAll("[data-label]")) each.setAttribute("aria-label", t(each.dataset.label));
}

function shown(value) {
  return typeof value === "number" ? value.toLocaleString(language) : String(value);
}

export function bytes(count) {
  const unit = count >= 1e9 ? ["GB", 1e9] : count >= 1e6 ? ["MB", 1e6] : ["kB", 1e3];
  return `${(count / unit[1]).toLocaleString(language, { maximumFractionDigits: 1 })} ${unit[0]}`;
}

export function seconds(count) {
  if (count >= 5400) return t("hours", { count: Math.round(count / 3600) });
  return count >= 90 ? t("minutes", { count: Math.round(count / 60) }) : t("seconds", { count: Math.max(1, Math.round(count)) });
}
