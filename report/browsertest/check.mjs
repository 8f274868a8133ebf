// Checks pages in a browser: node check.mjs DIRECTORY CHROMIUM. Prints a line of JSON for each check.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { deepStrictEqual as same, ok } from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [directory, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const guard = 120_000; // ms; against hanging, on however busy a machine
const field = "field/index.html", mixed = "mixed/index.html", table = "mixed/concurrency-256_hello.html";
const overAll = ["site/index.html", "site/servers/index.html", "site/servers/nethttp.html", "site/method.html", "site/runs/now/compare.html", "site/runs/now/index.html"];
const browser = await chromium.launch({ executablePath, timeout: guard });

// check opens a page and does something with it. The page itself must stay quiet.
async function check(name, path, options, act) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(guard);
  await context.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: { writeText: (text) => { window.copied = text; } } }));
  const noise = [], url = pathToFileURL(directory + "/" + path).href;
  const listen = (page) => {
    page.on("console", (m) => noise.push(m.type() + ": " + m.text()));
    page.on("pageerror", (e) => noise.push("error: " + e.message));
    page.on("dialog", (d) => { noise.push("dialog: " + d.message()); d.dismiss(); });
    page.on("request", (r) => { if (!r.url().startsWith(url) && !r.url().startsWith("data:")) noise.push("request: " + r.url()); });
  };
  context.on("page", listen);
  let error;
  try {
    const page = await context.newPage();
    await page.goto(url);
    await act(page, context);
    same(noise, []);
  } catch (e) {
    error = e.message;
  }
  await context.close();
  console.log(JSON.stringify({ name, error }));
}

// rows are the rows in sight: the texts of their cells by head, without the references to notes.
const rows = (page, columns = "td, th") => page.evaluate((columns) => {
  const seen = (e) => e.getClientRects().length > 0;
  return [...document.querySelectorAll("tr[data-name]")].filter(seen).map((r) => [...r.cells].filter((c) => seen(c) && c.matches(columns)).map((c) => {
    const notes = [...c.querySelectorAll("sup")].map((n) => { n.hidden = true; return n; });
    const text = c.innerText.replace(/\s+/g, " ").trim();
    notes.forEach((n) => { n.hidden = false; });
    return text;
  }));
}, columns);
const names = async (page) => (await rows(page, ".name")).map(([name]) => name);
const byName = (all) => Object.fromEntries(all.map((cells) => [cells[1], cells]));
const classes = (page) => page.evaluate(() => [...document.querySelectorAll("tbody")].filter((b) => b.getClientRects().length).map((b) => b.dataset.class).filter(Boolean));
const head = (key) => `th[data-key="${key}"] button`;
const choices = (page) => page.evaluate(() => [...document.querySelectorAll(".tools [name], input.columns")].map((f) => f.type === "checkbox" ? f.checked : f.value));

// unchanged fails if a row in sight has other figures or another place than before.
async function unchanged(page, before) {
  for (const cells of await rows(page, ":not(.against)")) same(cells, before[cells[1]]);
}

async function accessible(page) {
  await page.evaluate(axe);
  same(await page.evaluate(async () => {
    const { violations } = await window.axe.run({ resultTypes: ["violations"] });
    return violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 200)).slice(0, 3).join(" "));
  }), []);
}

async function fits(page) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  ok(wide <= room, `the page is ${wide} px wide, the screen ${room}`);
}

const screens = [[375, "light"], [1280, "dark"], [1920, "light"], [375, "dark"], [1280, "light"], [1920, "dark"]];
for (const path of [mixed, table, field, ...overAll]) {
  await check(`fits and is accessible, ${path}`, path, {}, async (page) => {
    for (const [width, colorScheme] of overAll.includes(path) ? screens.slice(0, 2) : screens) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await fits(page);
      if (width < 1920) await accessible(page);
    }
  });
}

for (const path of [table, field]) {
  await check(`cards, ${path}`, path, { viewport: { width: 375, height: 800 } }, async (page) => {
    const covered = await page.evaluate(() => [...document.querySelectorAll("tr[data-name]")].flatMap((row) => {
      row.scrollIntoView({ block: "center" });
      return [".rank", ".name", ".ranking", "[data-head^='server CPU']", ".badge"].filter((part) => {
        const cell = row.querySelector(part), range = document.createRange();
        range.selectNodeContents(cell);
        const box = range.getClientRects()[0];
        const top = box && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return !top || !(cell.contains(top) || top.contains(cell) && top.matches("td")) || box.right > innerWidth;
      }).map((part) => row.dataset.name + ": " + part);
    }));
    same(covered, []);
  });
}

await check("filter", field, {}, async (page) => {
  const all = await rows(page), before = byName(all);
  const shows = async (want) => {
    same(await names(page), all.filter(want).map((cells) => cells[1]));
    const some = all.filter(want).length;
    same(await page.textContent(".tools output"), some < all.length ? `${some} of ${all.length} rows` : "");
    await unchanged(page, before);
  };
  same(all.length, 37);
  await page.fill("[name=q]", "GUNICORN");
  await shows((cells) => cells[1].includes("gunicorn"));
  await page.selectOption("[name=verdict]", "invalid");
  await shows(() => false);
  await page.fill("[name=q]", "");
  await shows((cells) => cells.at(-1) === "invalid");
  same(await page.isVisible("tr.group >> text=frameworks"), false);
  await page.selectOption("[name=verdict]", "");
  await page.click(".tabs a[data-class=asgi]");
  await shows((cells) => cells[1] === "uvicorn");
  same(await classes(page), ["asgi"]);
  await page.click(".tabs a[data-class=asgi]");
  await shows(() => true);
});

await check("sort", table, {}, async (page) => {
  const before = await rows(page), values = (key) => page.evaluate((key) => {
    const at = document.querySelector(`th[data-key="${key}"]`).cellIndex;
    return [...document.querySelectorAll("tbody")].map((b) => [...b.querySelectorAll("tr[data-name]")].map((r) => r.cells[at].dataset.sort).filter(Boolean).map(Number));
  }, key);
  for (const [key, best] of [["throughput_rps", -1], ["server_cpu_us_per_request", 1]]) {
    for (const order of [best, -best]) {
      await page.click(head(key));
      const shown = await values(key);
      same(shown, shown.map((v) => [...v].sort((a, b) => order * (a - b))));
      same(await page.getAttribute(`th[data-key="${key}"]`, "aria-sort"), order > 0 ? "ascending" : "descending");
      same((await names(page))[4], "\\x1b[31mred"); // no figure: the last of its class
      await unchanged(page, byName(before));
    }
    await page.click(head(key));
    same(await rows(page), before);
  }
});

await check("sort by a choice, on a phone", table, { viewport: { width: 375, height: 800 } }, async (page) => {
  const before = await rows(page);
  await page.selectOption("[name=sort]", "throughput_rps");
  const shown = await page.evaluate(() => [...document.querySelectorAll("tbody")].map((b) => [...b.querySelectorAll("td.ranking")].map((c) => c.dataset.sort).filter(Boolean).map(Number)));
  ok(shown.flat().length > 3, "figures are shown");
  same(shown, shown.map((v) => [...v].sort((a, b) => b - a)));
  await page.selectOption("[name=sort]", "");
  same(await rows(page), before);
});

await check("sort an overview by a table", mixed, {}, async (page) => {
  await page.selectOption("[name=sort]", "concurrency-256_hello");
  const shown = await page.evaluate(() => [...document.querySelectorAll(".heat tbody")].map((b) => [...b.rows].map((r) => r.cells[1].dataset.sort).filter(Boolean).map(Number)));
  ok(shown.flat().length > 2, "figures are shown");
  same(shown, shown.map((v) => [...v].sort((a, b) => b - a)));
  same(await page.getAttribute(".heat thead th:nth-child(2)", "aria-sort"), "descending");
});

await check("sort by the comparison", field, {}, async (page) => {
  await page.selectOption("[name=base]", "hertz");
  for (const order of [-1, 1]) {
    await page.focus(head("against"));
    await page.keyboard.press("Enter");
    ok(await page.evaluate(() => document.activeElement.matches("th.against button")), "the keyboard is lost");
    const shown = await page.evaluate(() => [...document.querySelectorAll("tbody")].map((b) => [...b.querySelectorAll("td.against")].map((c) => c.dataset.sort).filter(Boolean).map(Number)));
    ok(shown.flat().length > 30, "ratios are shown");
    same(shown, shown.map((v) => [...v].sort((a, b) => order * (a - b))));
  }
});

await check("baseline", field, {}, async (page) => {
  const before = byName(await rows(page));
  await page.selectOption("[name=base]", "hertz");
  await unchanged(page, before);
  const data = JSON.parse(await page.textContent(".compared")), base = data.names.indexOf("hertz");
  let ratios = 0;
  for (const [name, text] of await rows(page, ".name, .against")) {
    const at = data.names.indexOf(name), pair = data.pairs.find(([a, b]) => a === base && b === at || a === at && b === base);
    if (!pair) { same([name, text], [name, name === "hertz" ? "1" : "–"]); continue; }
    ratios++;
    const [, , r, low, high] = pair, want = pair[0] === base ? [r, low, high] : [1 / r, 1 / high, 1 / low];
    const [, ...shown] = /^([\d.]+)x \[([\d.]+), ([\d.]+)\]( not resolved)?$/.exec(text);
    want.forEach((v, i) => ok(Math.abs(v - shown[i]) <= 0.5 * 10 ** -(shown[i].split(".")[1] || "").length + 1e-9, `${name}: ${text}, want ${want}`));
    same(shown[3] !== undefined, want[1] <= 1 && want[2] >= 1);
  }
  ok(ratios > 30, `${ratios} ratios`);
  await page.selectOption("[name=base]", "");
  same(await page.locator(".against").count(), 0);
});

await check("address", field, {}, async (page, context) => {
  await page.click(".tabs a[data-class=wsgi]");
  await page.fill("[name=q]", "g");
  await page.selectOption("[name=base]", "gevent");
  await page.click(head("server_cpu_us_per_request"));
  await page.click(head("server_cpu_us_per_request"));
  await page.click("label.columns");
  await page.click("sup a >> visible=true");
  const want = [await rows(page), await choices(page)];
  ok(want[0].length > 3 && want[0][0].length > 20, "rows and columns are in sight");
  const again = await context.newPage();
  await again.goto(page.url());
  same([await rows(again), await choices(again)], want);
  await again.evaluate(() => { location.hash = "#?class=asgi"; });
  await again.waitForFunction(() => document.querySelector("[name=q]").value === "");
  same(await names(again), ["uvicorn"]);
});

await check("copy", table, {}, async (page) => {
  await page.selectOption("[name=base]", "fasthttp@v1.74.0");
  await page.fill("[name=q]", "t");
  const heads = await page.evaluate(() => [...document.querySelectorAll(".results thead th")].filter((c) => c.getClientRects().length).map((c) => c.innerText.replace(/\s+/g, " ").trim()));
  const want = [heads, ...await rows(page)];
  ok(want.length > 4, "rows are in sight");
  const copied = async (as) => {
    await page.click(`[data-copy=${as}]`);
    await page.waitForFunction(() => document.querySelector(".tools output").textContent === "copied");
    return (await page.evaluate(() => window.copied)).trimEnd().split("\n");
  };
  same((await copied("csv")).map((line) => [...(line + ",").matchAll(/("(?:[^"]|"")*"|[^,]*),/g)].map(([, t]) => t.replace(/^"(.*)"$/, "$1").replaceAll('""', '"'))), want);
  const md = await copied("md");
  same(md.splice(1, 1), ["|" + "---|".repeat(heads.length)]);
  const entities = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  same(md.map((line) => line.slice(2, -2).split(" | ").map((t) => t.replace(/\\(.)/g, "$1").replace(/&\w+;/g, (e) => entities[e]))), want);
  ok(!md.join().includes("<script"), "a name is markup");
});

await check("keyboard", table, {}, async (page) => {
  const reach = async (selector) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
    }
    ok(false, "the Tab key does not reach " + selector);
  };
  await reach(".tabs a[data-class=wsgi]");
  await page.keyboard.press("Enter");
  same(await names(page), ["waitress:tuned#a"]);
  await page.keyboard.press("Enter");
  await reach("input.columns");
  const few = (await rows(page))[0].length;
  await page.keyboard.press("Space");
  ok((await rows(page))[0].length > few, "no more columns");
  await page.keyboard.press("Space");
  same((await rows(page))[0].length, few);
  await reach(head("server_cpu_us_per_request"));
  await page.keyboard.press("Enter");
  same(await page.getAttribute("th[data-key=server_cpu_us_per_request]", "aria-sort"), "ascending");
});

await check("keyboard on a phone", table, { viewport: { width: 375, height: 800 } }, async (page) => {
  await page.focus(head("server_cpu_us_per_request"));
  const box = await page.locator(head("server_cpu_us_per_request")).boundingBox();
  const top = await page.evaluate(({ x, y, width, height }) => document.elementFromPoint(x + width / 2, y + height / 2)?.closest("th")?.dataset.key, box);
  same(top, "server_cpu_us_per_request");
});

let scripted;
await check("with a script, as without one", field, {}, async (page) => { scripted = await rows(page); });
await check("without a script", field, { javaScriptEnabled: false }, async (page) => {
  same(await rows(page), scripted);
  same(await page.locator(".tools").evaluateAll((all) => all.filter((e) => e.getClientRects().length).length), 0);
  await page.click("label.columns");
  ok((await rows(page))[0].length > 15, "no more columns");
});

for (const path of [field, mixed, table]) {
  await check(`print, ${path}`, path, { viewport: { width: 720, height: 1000 } }, async (page) => { // A4 within margins
    await page.emulateMedia({ media: "print" });
    await fits(page);
    same(await page.evaluate(() => [...document.querySelectorAll(".tools, .tabs, .trail, label.columns")].filter((e) => e.getClientRects().length).length), 0);
    same(await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX !== "visible").length), 0);
  });
}

await check("hostile names", table, {}, async (page) => {
  for (const name of ["<script>alert(1)</script>", "\\x1b[31mred"]) ok((await names(page)).includes(name), name + " is not shown");
  await page.fill("[name=q]", "<script>");
  same(await names(page), ["<script>alert(1)</script>"]);
  same(await page.evaluate(() => document.scripts.length), 2); // the page's, and its data
});

await browser.close();
