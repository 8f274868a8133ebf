
// Filters, sorts, compares and copies what the page shows. It never changes a number or a place. What is chosen stands
// in the address: #concurrency-64/hello?class=engine&base=nethttp
"use strict";
const all = (selector, of = document) => [...of.querySelectorAll(selector)];
const tables = all("table.results, table.heat");
let anchor = "", chosen = new URLSearchParams();

// read takes what the address says. One without choices, as links within the page have, leaves them as they are.
function read() {
  const [at, query] = location.hash.slice(1).split("?");
  anchor = at;
  if (query !== undefined) chosen = new URLSearchParams(query);
  return query !== undefined;
}

function write() { history.replaceState(null, "", "#" + anchor + (chosen.size ? "?" + chosen : "")); }

function choose(name, value) {
  if (value) chosen.set(name, value); else chosen.delete(name);
  show();
  write();
}

function show() {
  const of = chosen.get("class") || "", verdict = chosen.get("verdict") || "", q = (chosen.get("q") || "").toLowerCase();
  for (const link of all(".tabs a")) {
    if (link.dataset.class === of) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  }
  for (const part of all("[data-class]:not(.tabs a)")) part.hidden = of !== "" && part.dataset.class !== of;
  let shown = 0, rows = 0;
  for (const row of all("tr[data-name]")) {
    row.hidden = !row.dataset.name.toLowerCase().includes(q) || verdict !== "" && row.dataset.verdict !== verdict;
    rows++;
    if (!row.hidden && !row.closest("[data-class][hidden]")) shown++;
  }
  for (const group of all("tr.group")) group.hidden = !group.parentElement.querySelector("[data-name]:not([hidden])");
  for (const out of all(".tools output")) out.textContent = shown < rows ? shown + " of " + rows + " rows" : "";
  for (const field of all(".tools [name]")) {
    const value = (chosen.get(field.name) || "").replace(field.name === "sort" ? /!$/ : /$^/, "");
    if (field.value !== value) field.value = value;
  }
  for (const box of all("input.columns")) box.checked = chosen.has("columns");
  for (const table of tables) { compare(table); sort(table); }
}

// compare adds the ratio of each row to the one that was chosen.
function compare(table) {
  all(".against", table).forEach((c) => c.remove());
  const data = table.closest("section").querySelector(".compared"), base = chosen.get("base");
  if (!data || !base) return;
  const { of, names, pairs } = JSON.parse(data.textContent), i = names.indexOf(base);
  if (i < 0) return;
  const place = [...table.tHead.rows[0].cells].findIndex((c) => c.classList.contains("ranking"));
  const ratios = new Map();
  for (const [a, b, r, low, high] of pairs) {
    if (a === i) ratios.set(names[b], [r, low, high]);
    if (b === i) ratios.set(names[a], [1 / r, 1 / high, 1 / low]);
  }
  const insert = (row, tag, text, sorted) => {
    const cell = document.createElement(tag);
    cell.className = "n against";
    cell.setAttribute("role", tag === "th" ? "columnheader" : "cell");
    cell.dataset.head = of + " / that of " + base;
    cell.textContent = text;
    if (sorted !== undefined) cell.dataset.sort = sorted;
    row.cells[place].after(cell);
    return cell;
  };
  const head = insert(table.tHead.rows[0], "th", "/ " + base + " [95 %]");
  head.scope = "col";
  head.dataset.key = "against";
  const better = table.tHead.rows[0].cells[place].dataset.better;
  if (better) head.dataset.better = better;
  sortable(head, table);
  for (const row of all("tr[data-name]", table)) {
    const found = ratios.get(row.dataset.name), name = row.dataset.name;
    if (!found) { insert(row, "td", name === base ? "1" : "–", name === base ? 1 : undefined); continue; }
    const half = (found[2] - found[1]) / 2, digits = Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(found[0])), half > 0 ? -Math.floor(Math.log10(half)) : 0));
    const [r, low, high] = found.map((v) => v.toFixed(digits)), unsure = found[1] <= 1 && found[2] >= 1;
    const cell = insert(row, "td", r + "x [" + low + ", " + high + "]" + (unsure ? " not resolved" : ""), found[0]);
    cell.classList.toggle("unsure", unsure);
  }
}

// sort orders the rows of each class by a column, the best first; unknown values go last.
function sort(table) {
  const heads = [...table.tHead.rows[0].cells], [key, turned] = (chosen.get("sort") || "").split("!");
  heads.forEach((h) => h.removeAttribute("aria-sort"));
  const i = heads.findIndex((h) => nameOf(h) === key && key);
  const more = i >= 0 && (heads[i].dataset.better === "more") !== (turned !== undefined);
  if (i >= 0) heads[i].setAttribute("aria-sort", more ? "descending" : "ascending");
  for (const body of table.tBodies) {
    const rows = all("tr[data-name]", body);
    rows.forEach((r, n) => r.dataset.place ??= n);
    const value = (r) => i < 0 ? r.dataset.place : r.cells[i].dataset.sort ?? (r.cells[i].tagName === "TH" ? r.dataset.name : undefined);
    body.append(...rows.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || a.dataset.place - b.dataset.place;
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return more ? -order : order;
    }));
  }
}

const nameOf = (head) => head.dataset.key || head.querySelector("a")?.getAttribute("href").replace(".html", "") || head.textContent.trim();
const label = (head) => { const copy = head.cloneNode(true); all("small", copy).forEach((n) => n.before(" ")); return copy.textContent.trim(); };

// sortable makes a button of a head. Its column may be made anew by a choice: the button stays where the keyboard is.
function sortable(head, table) {
  const button = document.createElement("button"), key = nameOf(head);
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const now = chosen.get("sort");
    choose("sort", now === key ? key + "!" : now === key + "!" ? "" : key);
    if (!head.isConnected) [...table.tHead.rows[0].cells].find((h) => nameOf(h) === key)?.querySelector("button").focus();
  });
}

for (const table of tables) {
  for (const head of table.tHead.rows[0].cells) {
    for (const select of all(".tools [name=sort]", head.closest("section.cell") || document)) {
      if (![...select.options].some((o) => o.value === nameOf(head))) select.add(new Option(label(head), nameOf(head)));
    }
    if (!head.querySelector("a")) sortable(head, table);
  }
}
for (const link of all(".tabs a")) {
  link.addEventListener("click", (e) => { e.preventDefault(); choose("class", chosen.get("class") === link.dataset.class ? "" : link.dataset.class); });
}
for (const field of all(".tools [name]")) field.addEventListener("input", () => choose(field.name, field.value));
for (const box of all("input.columns")) box.addEventListener("change", () => choose("columns", box.checked ? "all" : ""));
addEventListener("hashchange", () => { const told = read(); show(); if (told) reveal(); else write(); });

// grid is what a table shows now.
function grid(table) {
  const seen = (c) => c.offsetParent !== null || getComputedStyle(c).display !== "none";
  const text = (c) => {
    const copy = c.cloneNode(true);
    all("sup", copy).forEach((n) => n.remove());
    all("small", copy).forEach((n) => n.before(" "));
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const rows = [...table.tHead.rows, ...all("tbody:not([hidden]) tr[data-name]:not([hidden])", table)];
  return rows.map((r) => [...r.cells].filter(seen).map(text));
}
const csv = (rows) => rows.map((r) => r.map((t) => /[",\n]/.test(t) ? '"' + t.replaceAll('"', '""') + '"' : t).join(",")).join("\n") + "\n";
const entity = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const literal = (t) => t.replace(/[&<>]/g, (c) => entity[c]).replace(/[\\`*_[\]#|~]/g, "\\$&");
const md = (rows) => rows.map((r) => "| " + r.map(literal).join(" | ") + " |").flatMap((l, i) => i ? [l] : [l, "|" + "---|".repeat(rows[0].length)]).join("\n") + "\n";
for (const button of all("[data-copy]")) {
  button.addEventListener("click", async () => {
    const within = button.closest("section") || document;
    const text = all("table.results, table.heat", within).filter((t) => !t.closest("[data-class][hidden]")).map((t) => (button.dataset.copy === "md" ? md : csv)(grid(t))).join("\n");
    const out = button.parentElement.querySelector("output");
    try { await navigator.clipboard.writeText(text); out.textContent = "copied"; } catch (e) { out.textContent = "not copied: " + e.message; }
  });
}
for (const tools of all(".tools")) tools.hidden = false;
const reveal = () => document.getElementById(anchor)?.scrollIntoView();
const told = read();
show();
if (told) reveal();
