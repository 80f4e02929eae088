"use strict";

const NUM_CLASSES = 6;
const NUM_NEIGHBOURS = 12;

const at = (id) => document.getElementById(id);
const percent = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
const readable = (name) => name.replaceAll("_", " ");

let latest = 0; // a slow answer to an earlier question must not replace a later one
let asked = null; // what the page shows: { picture } of the visitor, or { id } of an image of the gallery
let ownPicture = null; // to come back to

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

async function ask({ picture, id }) {
  const form = new FormData();
  if (picture) form.append("image", picture, "picture");
  else form.append("id", id);
  form.append("k", NUM_NEIGHBOURS);
  form.append("describe", "true");
  if (at("domain").value) form.append("domain", at("domain").value);
  const response = await fetch("/search", { method: "POST", body: form });
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
  at("tasks-section").hidden = Object.keys(tasks).length === 0;
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

function showLabels(title, note, labels) {
  at("labels-section").hidden = labels.length === 0;
  at("labels-title").textContent = title;
  at("labels-note").textContent = note;
  const chips = labels.map(([label, value]) => {
    const chip = element("li");
    chip.append(element("bdi", label), element("span", percent(value)));
    return chip;
  });
  at("labels").replaceChildren(...chips);
}

function showAnswer(answer) {
  const [described] = answer.described;
  const [item] = answer.asked;
  if (described) {
    showTasks(described.tasks);
    const found = described.annotations.map((annotation) => [annotation.label, annotation.probability]);
    showLabels("Annotations", "Suggestions learnt from the texts around images, with their probability.", found);
  } else {
    preview(item.thumbnail, item.labels.map((label) => label.label).join(", ") || item.image_id);
    showTasks({});
    showLabels("Labels", "What the texts of this image say, with their score.", item.labels.map((label) => [label.label, label.score]));
  }
  at("neighbours").replaceChildren(...answer.neighbours.map(neighbourCard));
  at("results").hidden = false;
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
  card.addEventListener("click", () => {
    history.pushState(null, "", `/?${new URLSearchParams({ id: neighbour.image_id })}`);
    show({ id: neighbour.image_id });
    at("drop").scrollIntoView({ block: "nearest" });
  });
  const item = element("li");
  item.append(card);
  return item;
}

function preview(address, description) {
  const image = at("preview");
  URL.revokeObjectURL(image.src);
  image.src = address;
  image.alt = description;
  image.hidden = false;
}

function showPicture(picture) {
  ownPicture = picture;
  if (location.search) history.pushState(null, "", "/");
  show({ picture });
}

async function show(question) {
  const turn = ++latest;
  asked = question;
  if (question.picture) preview(URL.createObjectURL(question.picture), "Your picture");
  say("Looking …");
  at("results").classList.add("is-busy");
  const started = performance.now();
  try {
    const answer = await ask(question);
    if (turn !== latest) return;
    showAnswer(answer);
    say(`${answer.model_version}, ${Math.round(performance.now() - started)} ms`);
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
  at("domain").append(...about.domains.map((domain) => new Option(domain)));
  at("domain-choice").hidden = about.domains.length < 2;
}

function listen() {
  const drop = at("drop");
  at("file").addEventListener("change", (event) => {
    if (event.target.files.length) showPicture(event.target.files[0]);
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
    if (event.dataTransfer.files.length) showPicture(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
    if (picture) showPicture(picture);
  });
  at("domain").addEventListener("change", () => asked && show(asked));
  window.addEventListener("popstate", showAddress);
}

/** Shows what the address names: `/?id=IMAGE_ID` is an image of the gallery, so that it can be shared and gone back to. */
function showAddress() {
  const id = new URLSearchParams(location.search).get("id");
  if (id) return show({ id });
  if (ownPicture) return show({ picture: ownPicture });
}

listen();
showAbout()
  .then(showAddress)
  .catch(() => say("The endpoint does not answer.", true));
