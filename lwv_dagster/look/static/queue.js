// The queue in the browser: keys, the next segment loaded ahead, drafts that survive a closed tab, saving without losing a text.
"use strict";

const queue = document.getElementById("queue");
const rows = [...document.querySelectorAll("#list a")];
const status = document.getElementById("status");
const AHEAD_MS = 60000; // how long what was loaded ahead is shown without asking again
const TYPING_MS = 400; // after the last key, what the text would do is asked for
const DRAFT = "lwv look draft ";
const WHO = "lwv look who";

let at = 0; // index in rows of what is shown; -1: it is not in the list
let since = 0; // when it was shown
let busy = false; // a decision is on its way
let typing = 0; // timer
let doneHere = 0; // decided since this list was loaded
const ahead = new Map(); // address -> {when, html}
const saved = []; // what was decided here, for undo

const item = () => document.getElementById("item");
const inItem = (selector) => item().querySelector(selector);
const address = (row) => `/queue/item/${encodeURIComponent(row.dataset.shard)}/${encodeURIComponent(row.dataset.id)}`;

function say(text, kind = "") {
  status.textContent = text;
  status.className = kind;
}

function stored(key, value) {
  // A browser may refuse its storage: then a draft lives as long as the tab.
  try {
    if (value === undefined) return localStorage.getItem(key);
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch (error) {
    if (value !== undefined && value !== null) say(`This browser keeps no draft (${error.name}): save before you close the tab.`, "warn");
  }
  return null;
}

// -- what is shown ----------------------------------------------------------------------------------------------------
async function load(row) {
  const from = address(row);
  const found = ahead.get(from);
  if (found && Date.now() - found.when < AHEAD_MS) return found.html;
  const answer = await fetch(from);
  const html = await answer.text();
  if (!answer.ok) throw new Error(sentence(html, answer.status));
  ahead.set(from, { when: Date.now(), html });
  return html;
}

function sentence(body, code) {
  try {
    return JSON.parse(body).says;
  } catch {
    return `lwv look answered ${code}.`;
  }
}

async function show(index, after = "") {
  if (index < 0 || index >= rows.length) return leave(index);
  keepDraft();
  const row = rows[index];
  at = index;
  mark();
  try {
    const html = await load(row);
    if (rows[at] !== row) return; // the reader has gone on
    const made = document.createElement("template");
    made.innerHTML = html;
    item().replaceWith(made.content);
    begin();
    if (after) say(after, "good");
  } catch (error) {
    say(`${row.dataset.id} cannot be shown: ${reason(error)}`, "bad");
  }
}

function reason(error) {
  return error instanceof TypeError ? "lwv look does not answer: is it still running?" : error.message;
}

function begin() {
  since = performance.now();
  const here = item();
  const draft = here.dataset.seen && stored(DRAFT + here.dataset.seen);
  if (draft) restore(draft);
  window.scrollTo(0, 0);
  if (rows[at + 1]) loadAhead(rows[at + 1]);
  foreseeAll();
}

async function loadAhead(row) {
  try {
    const html = await load(row);
    for (const [, image] of html.matchAll(/src="(\/image\/[0-9a-f]{64})"/g)) new Image().src = image;
  } catch {
    // It is said when it is to be shown.
  }
}

function mark() {
  rows.forEach((row, index) => row.toggleAttribute("aria-current", index === at));
  rows[at].scrollIntoView({ block: "nearest" });
  const where = new URLSearchParams(queue.dataset.query);
  const offset = Number(queue.dataset.offset);
  if (offset) where.set("offset", offset);
  where.set("at", rows[at].dataset.id);
  where.set("in", rows[at].dataset.shard);
  history.replaceState(null, "", `/queue?${where}`);
  document.getElementById("count").textContent = `${offset + at + 1} of ${Number(queue.dataset.count).toLocaleString("en")}`;
}

function leave(index) {
  if (!rows.length) return say("There is no other segment in this list.");
  const offset = Number(queue.dataset.offset);
  const where = new URLSearchParams(queue.dataset.query);
  if (index < 0) {
    if (!offset) return say("This is the first one.");
    where.set("offset", Math.max(0, offset - 50));
    keepDraft();
    return location.assign(`/queue?${where}#last`);
  }
  // What was decided has left a list of what is undecided, and the rest moved up.
  const next = offset + rows.length - (queue.dataset.decided === "no" ? doneHere : 0);
  if (offset + rows.length >= Number(queue.dataset.count)) return say("This was the last one.", "good");
  where.set("offset", next);
  keepDraft();
  return location.assign(`/queue?${where}`);
}

// -- drafts -----------------------------------------------------------------------------------------------------------
const kinds = () => [...item().querySelectorAll(".kind")].filter((each) => each.getAttribute("aria-pressed") === "true").map((each) => each.dataset.kind);

function written() {
  return { text: inItem(".box").value, errors: kinds(), reason: inItem(".reason").value };
}

function isChanged() {
  const box = inItem(".box");
  return Boolean(box) && (box.value !== box.defaultValue || inItem(".reason").value !== "" || item().dataset.touched === "yes");
}

function keepDraft() {
  const seen = item().dataset.seen;
  if (seen && isChanged()) stored(DRAFT + seen, JSON.stringify(written()));
}

function restore(draft) {
  if (!inItem(".box")) return;
  try {
    const was = JSON.parse(draft);
    inItem(".box").value = String(was.text);
    inItem(".reason").value = String(was.reason);
    for (const each of item().querySelectorAll(".kind")) each.setAttribute("aria-pressed", String(was.errors.includes(each.dataset.kind)));
    item().dataset.touched = "yes";
    inItem(".editor").hidden = false;
    say("This is your draft of before, which was not saved.", "warn");
  } catch {
    stored(DRAFT + item().dataset.seen, null);
  }
}

// -- what it would do -------------------------------------------------------------------------------------------------
function line(verdict) {
  const here = item().dataset;
  const correction = verdict === "corrected" ? { ...written(), against: inItem(".against").value } : { reason: inItem(".reason").value };
  return {
    kind: "segment", target: here.id, shard: here.shard, seen: here.seen, known: here.known, verdict,
    who: stored(WHO) || "somebody", seconds: Math.round(performance.now() - since) / 1000, ...correction,
  };
}

async function post(where, body) {
  const answer = await fetch(where, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await answer.text();
  try {
    return { taken: false, ...JSON.parse(text) };
  } catch {
    return { taken: false, says: text.slice(0, 300) || `lwv look answered ${answer.status}.` };
  }
}

async function foresee(verdict) {
  const here = item();
  const place = inItem(`[data-says="${verdict}"]`);
  if (!place) return;
  try {
    const found = await post("/queue/foresee", line(verdict));
    if (item() !== here) return;
    place.textContent = found.says;
    place.className = found.taken ? "" : "warn";
    if (verdict === "corrected") {
      const preview = inItem(".preview");
      preview.innerHTML = found.changes || ""; // of the server's template, which escapes all texts
      preview.hidden = !found.changes;
    }
  } catch (error) {
    place.textContent = reason(error);
  }
}

async function foreseeAll() {
  const here = item();
  for (const verdict of ["corrected", "fine", "drop"]) {
    if (item() !== here || busy) return;
    await foresee(verdict);
  }
}

function typed() {
  clearTimeout(typing);
  keepDraft();
  typing = setTimeout(() => foresee("corrected"), TYPING_MS);
}

// -- deciding ---------------------------------------------------------------------------------------------------------
async function who() {
  const known = stored(WHO);
  if (known) return known;
  const dialog = document.getElementById("who");
  const box = dialog.querySelector("input");
  box.value = "";
  dialog.showModal();
  box.focus();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  const name = box.value.trim();
  if (name) stored(WHO, name);
  showMe();
  return name;
}

function showMe() {
  document.getElementById("me").textContent = stored(WHO) || "who?";
}

async function decide(verdict) {
  if (busy || !inItem(".box")) return;
  busy = true; // before anything is waited for: a key held down decides once
  try {
    keepDraft();
    const name = await who();
    if (!name) return say("Nothing was saved: a decision has a name.", "warn");
    const index = at; // a save may take long: all that follows is about this segment, wherever the reader is by then
    const here = item();
    const row = rows[index];
    const body = { ...line(verdict), who: name };
    say("Saving …");
    const found = await post("/queue/decide", body);
    const left = item() !== here;
    if (!found.taken) {
      if (found.known) here.dataset.known = found.known;
      const says = `${found.says} Your text is still here.`;
      return say(left ? `${body.target} was not saved: ${says}` : says, "bad");
    }
    stored(DRAFT + body.seen, null);
    here.dataset.seen = ""; // saved: what stands in the box is no draft any more
    saved.push({ index, body });
    if (row) {
      ahead.delete(address(row));
      row.dataset.state = found.contested ? "contested" : "decided";
      row.querySelector(".state").textContent = found.contested ? "contested" : verdict;
      doneHere += found.decided ? 1 : 0;
    }
    const says = `Saved: ${verdict}. ${found.contested} ${found.says}`;
    busy = false;
    if (left) say(`${body.target}: ${says}`, "good");
    else if (index + 1 < rows.length) await show(index + 1, says);
    else {
      say(says, "good");
      leave(index + 1);
    }
  } catch (error) {
    say(`Nothing was saved: ${reason(error)} Your text is still here.`, "bad");
  } finally {
    busy = false;
  }
}

async function undo() {
  if (busy) return;
  const name = stored(WHO);
  const mine = [...item().querySelectorAll('.said[data-kind="segment"]')].find((each) => each.dataset.who === name);
  let index = at;
  let body = inItem(".box") && mine && mine.dataset.verdict !== "withdrawn" ? line("withdrawn") : null;
  if (!body) {
    const last = saved.pop();
    if (!last) return say("There is nothing of yours to undo here.");
    index = last.index;
    body = { ...last.body, verdict: "withdrawn", text: "", errors: [], seconds: 0 };
  }
  busy = true;
  try {
    const found = await post("/queue/decide", body);
    if (!found.taken) return say(found.says, "bad");
    if (index < 0) return location.reload();
    ahead.delete(address(rows[index]));
    rows[index].dataset.state = "";
    rows[index].querySelector(".state").textContent = "";
    doneHere = Math.max(0, doneHere - 1);
    if (index === at) item().dataset.seen = "";
    busy = false;
    await show(index, `Withdrawn. ${found.says}`);
  } catch (error) {
    say(reason(error), "bad");
  } finally {
    busy = false;
  }
}

function edit() {
  const box = inItem(".box");
  if (!box) return say("Nothing is decided about what is held out.", "warn");
  inItem(".editor").hidden = false;
  box.focus();
  if (box.selectionEnd === 0) box.setSelectionRange(box.value.length, box.value.length);
  box.scrollIntoView({ block: "nearest" });
}

function toggle(number) {
  const kind = item().querySelectorAll(".kind")[number - 1];
  if (!kind) return;
  kind.setAttribute("aria-pressed", String(kind.getAttribute("aria-pressed") !== "true"));
  item().dataset.touched = "yes";
  typed();
}

// -- keys and buttons -------------------------------------------------------------------------------------------------
const KEYS = {
  j: () => show(at + 1), k: () => show(at - 1), e: edit, f: () => decide("fine"), d: () => decide("drop"), u: undo,
  "/": () => document.getElementById("search").select(), "?": () => document.getElementById("help").showModal(),
};
const BUTTONS = { edit, undo, corrected: () => decide("corrected"), fine: () => decide("fine"), drop: () => decide("drop") };

function pressed(event) {
  if (document.querySelector("dialog[open]")) return;
  const box = event.target.closest("input, textarea, select");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return decide("corrected");
  }
  if (event.altKey && /^Digit[1-5]$/.test(event.code)) {
    event.preventDefault();
    return toggle(Number(event.code.at(-1)));
  }
  if (event.key === "Escape" && box) return box.blur();
  if (box || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (/^[1-5]$/.test(event.key)) return toggle(Number(event.key));
  const does = KEYS[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
}

function clicked(event) {
  const button = event.target.closest("[data-do], .kind, #list a, #me, #help-button");
  if (!button || event.ctrlKey || event.metaKey) return;
  if (button.dataset.do) BUTTONS[button.dataset.do]();
  else if (button.classList.contains("kind")) toggle([...item().querySelectorAll(".kind")].indexOf(button) + 1);
  else if (button.id === "help-button") document.getElementById("help").showModal();
  else if (button.id === "me") {
    stored(WHO, null);
    who();
  } else {
    event.preventDefault();
    show(rows.indexOf(button));
  }
}

async function loadFilters() {
  const folded = document.getElementById("filters");
  try {
    const answer = await fetch(folded.dataset.from);
    const html = await answer.text();
    if (answer.ok) folded.querySelector("div").innerHTML = html;
    else folded.querySelector("div").textContent = sentence(html, answer.status);
  } catch (error) {
    folded.querySelector("div").textContent = reason(error);
  }
}

if (queue) {
  showMe();
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked);
  document.addEventListener("input", (event) => event.target.closest("#item") && typed());
  window.addEventListener("pagehide", keepDraft);
  document.getElementById("filters").addEventListener("toggle", loadFilters, { once: true });
  const named = rows.findIndex((row) => row.dataset.id === queue.dataset.at);
  if (location.hash === "#last" && rows.length) show(rows.length - 1);
  else {
    at = named;
    if (named >= 0) mark();
    begin();
  }
}
