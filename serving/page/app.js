"use strict";

const NUM_CLASSES = 6;
const NUM_ANNOTATIONS = 12;
const NUM_NEIGHBOURS = 12;

const at = (id) => document.getElementById(id);
const percent = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
const readable = (name) => name.replaceAll("_", " ");

let latest = 0; // a slow answer to an earlier picture must not replace a later one

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function say(text, isError = false) {
  at("status").textContent = text;
  at("status").classList.toggle("is-error", isError);
}

async function ask(route, picture, k) {
  const form = new FormData();
  form.append("image", picture, "picture");
  form.append("k", k);
  const response = await fetch(`/${route}`, { method: "POST", body: form });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `the endpoint answered ${response.status}`);
  return answer;
}

function bar(name, value) {
  const row = element("li", undefined, "bar");
  const meter = element("meter");
  meter.value = value;
  meter.setAttribute("aria-hidden", "true");
  row.append(element("b", name), element("span", percent(value)), meter);
  return row;
}

function showTasks(tasks) {
  const blocks = Object.entries(tasks).map(([task, classes]) => {
    const block = element("div");
    const best = Object.entries(classes).sort((one, other) => other[1] - one[1]);
    const list = element("ul");
    list.append(...best.slice(0, NUM_CLASSES).map(([name, value]) => bar(name, value)));
    block.append(element("h3", readable(task)), list);
    return block;
  });
  at("tasks").replaceChildren(...blocks);
}

function showAnnotations(annotations) {
  at("annotations-section").hidden = annotations.length === 0;
  const chips = annotations.map((annotation) => {
    const chip = element("li");
    chip.append(element("bdi", annotation.label), element("span", percent(annotation.probability)));
    return chip;
  });
  at("annotations").replaceChildren(...chips);
}

function neighbourCard(neighbour) {
  const words = neighbour.labels.slice(0, 3).map((label) => label.label).join(", ");
  const card = element("button");
  card.type = "button";
  const picture = element("img");
  picture.src = neighbour.thumbnail;
  picture.alt = words || neighbour.image_id;
  picture.addEventListener("error", () => picture.remove());
  card.append(picture, element("span", `${percent(neighbour.similarity)} alike`, "similarity"));
  card.append(element("bdi", words || "no text", "words"));
  if (neighbour.domain) card.append(element("span", neighbour.domain, "words"));
  card.title = neighbour.image_id;
  card.addEventListener("click", () => searchWith(neighbour.thumbnail));
  const item = element("li");
  item.append(card);
  return item;
}

function showNeighbours(neighbours) {
  at("neighbours").replaceChildren(...neighbours.map(neighbourCard));
}

async function searchWith(address) {
  const response = await fetch(address);
  await show(await response.blob());
  at("drop").scrollIntoView({ block: "nearest" });
}

function preview(picture) {
  const image = at("preview");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(picture);
  image.alt = "Your picture";
  image.hidden = false;
}

async function show(picture) {
  const turn = ++latest;
  preview(picture);
  say("Looking …");
  at("results").classList.add("is-busy");
  const started = performance.now();
  try {
    const [classes, similar] = await Promise.all([
      ask("classify", picture, NUM_ANNOTATIONS),
      ask("search", picture, NUM_NEIGHBOURS),
    ]);
    if (turn !== latest) return;
    showTasks(classes.tasks);
    showAnnotations(classes.annotations);
    showNeighbours(similar.neighbours);
    at("results").hidden = false;
    say(`${classes.model_version}, ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    if (turn !== latest) return;
    at("results").hidden = true;
    say(error.message, true);
  } finally {
    if (turn === latest) at("results").classList.remove("is-busy");
  }
}

async function showAbout() {
  const about = await (await fetch("/about")).json();
  at("about").textContent =
    `Model ${about.model_version} over ${about.num_images.toLocaleString("en")} images: classes, annotations, look-alikes.`;
  const rows = Object.entries(about.lineage).flatMap(([name, value]) => [
    element("dt", readable(name)),
    element("dd", value),
  ]);
  at("lineage").replaceChildren(...rows);
  return about;
}

function listen() {
  const drop = at("drop");
  at("file").addEventListener("change", (event) => {
    if (event.target.files.length) show(event.target.files[0]);
    event.target.value = "";
  });
  for (const name of ["dragover", "dragenter"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    if (event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
    if (picture) show(picture);
  });
}

async function start() {
  const about = await showAbout();
  // `/?example=KEY` shows an image of the catalogue: a link that can be shared.
  const example = new URLSearchParams(location.search).get("example");
  if (example && /^\d+$/.test(example)) await searchWith(`${about.thumbnails}/${example}.webp`);
}

listen();
start().catch(() => say("The endpoint does not answer.", true));
