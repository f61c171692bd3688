// What the tests of the pages and of the client module share: the program under test, a browser, and the rule that a page
// neither complains nor speaks to anybody but its own server. Everything that is opened for a test is closed after it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

export const projectFolder = resolve(fileURLToPath(import.meta.url), "../../..");
const target = process.env.CARGO_TARGET_DIR ?? join(projectFolder, "target");
const binary = process.env.LANDRUSH_BINARY ?? join(target, "debug/landrush");
const packages = process.env.LANDRUSH_BROWSER_PACKAGES ?? join(target, "tmp/browser");
const screenshots = process.env.LANDRUSH_SCREENSHOTS ?? join(packages, "screenshots");
const require = createRequire(join(packages, "node_modules/"));

export const ADMIN_KEY = "an-admin-key-for-tests-0123456789";

const endings = new WeakMap();

/** Lets `end()` run after test `t`, last begun first: pages are closed before the server that they would ask. */
export function atEnd(t, end) {
  if (!endings.has(t)) {
    const ends = [];
    endings.set(t, ends);
    t.after(async () => {
      const faults = [];
      for (const ending of ends.reverse()) await (async () => ending())().catch((fault) => faults.push(fault));
      if (faults.length > 0) throw faults[0];
    });
  }
  endings.get(t).push(end);
}

/** Where a file of an installed package is. */
export function packageFile(path) {
  return join(packages, "node_modules", path);
}

/**
 * A ready server over a data directory of its own, ended after test `t`.
 * @param t the test's context
 * @param {{settings?: string, args?: string[], data?: boolean}} options TOML for its configuration file; more arguments of `serve`;
 *   `data` false: it is not told where its data are
 */
export async function startServer(t, options = {}) {
  const directory = await mkdtemp(join(tmpdir(), "landrush-browser-"));
  const server = new Server(directory, options);
  atEnd(t, async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

class Server {
  #directory;
  #options;
  #child;
  #ended;
  origin;

  constructor(directory, options) {
    this.#directory = directory;
    this.#options = options;
  }

  /** Starts it; after an end, again over the same data and on the same port. */
  async start() {
    const settings = join(this.#directory, "landrush.toml");
    await writeFile(settings, this.#options.settings ?? "");
    const listen = this.origin ? new URL(this.origin).host : "127.0.0.1:0";
    const data = join(this.#directory, "data");
    const where = this.#options.data === false ? [] : ["--data-dir", data];
    const args = ["serve", "--listen", listen, ...where, "--config", settings, ...(this.#options.args ?? [])];
    const env = { ...process.env, LANDRUSH_ADMIN_KEY: ADMIN_KEY, LANDRUSH_LOGGING_FILTER: "warn" };
    this.#child = spawn(binary, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once("exit", resolve);
      this.#child.once("error", reject);
    });
    const lines = createInterface({ input: this.#child.stdout });
    const ready = new Promise((resolve) => {
      lines.on("line", (line) => {
        const address = line.match(/^listening on (http:\/\/\S+)/);
        if (address) this.origin = address[1].replace(/\/$/, "");
        if (line.startsWith("ready")) resolve();
      });
    });
    const early = this.#ended.then((code) => {
      throw new Error(`the server ended with ${code} before it was ready`);
    });
    early.catch(() => {});
    await Promise.race([ready, early]);
  }

  /** Drains and ends it, or without warning with `kill`. */
  async stop({ kill = false } = {}) {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(kill ? "SIGKILL" : "SIGTERM");
    const impatient = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(impatient);
  }

  /** Calls it with the admin key; the answer's JSON, or an error that says what was refused. */
  async call(method, path, body) {
    const response = await fetch(this.origin + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  /** Makes a campaign: `campaign()` with these members. */
  async createCampaign(members) {
    return this.call("POST", "/v1/campaigns", campaign(members));
  }
}

/** A campaign that is open now and for an hour, with ten coupons of one type, but for the given members. */
export function campaign(members = {}) {
  return {
    id: "spring-sale",
    name: "Spring sale",
    time_zone: "Asia/Singapore",
    mode: "first_come",
    schedule: { starts_at: fromNow(-60_000), ends_at: fromNow(3_600_000) },
    expected_claimants: 1_000,
    coupon_types: [{ id: "cash-5", name: "$5 cash coupon", total_quota: 10, valid_for: "30d" }],
    ...members,
  };
}

/** The moment so many milliseconds from now, as the contract writes it. */
export function fromNow(milliseconds) {
  return new Date(Date.now() + milliseconds).toISOString();
}

let launching;

// The browser of all tests of a file; a fresh profile, no address but this machine's.
function browser() {
  launching ??= require("playwright-core").chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
  return launching;
}

after(async () => {
  await (await launching)?.close();
});

/**
 * A page with storage of its own, closed after test `t`. The test fails if it logs an error or a warning, throws, or asks another
 * origin than the server's. `path` null: nothing is loaded.
 * @param options of Playwright's `newContext`, and `allowed`: complaints to expect, as regular expressions on their text
 */
export async function openPage(t, server, path = "/", { allowed = [], ...options } = {}) {
  const context = await (await browser()).newContext({ baseURL: server.origin, ...options });
  const complaints = watch(context, server.origin, allowed);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  atEnd(t, async () => {
    await context.close();
    assert.deepEqual(complaints, [], "what the browser complains of");
  });
  if (path !== null) await page.goto(path);
  return page;
}

// Collects what a page must not do.
function watch(context, origin, allowed) {
  const complaints = [];
  const complain = (text) => {
    if (!allowed.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  context.on("request", (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    const local = protocol === "data:" || protocol === "blob:";
    if (!local && asked !== origin) complain(`a request leaves the origin: ${request.method()} ${request.url()}`);
  });
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      complain(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  context.on("weberror", (error) => complain(`thrown: ${error.error().stack ?? error.error()}`));
  return complaints;
}

/** Fails if axe-core finds something serious or critical on `page`. */
export async function assertAccessible(page) {
  const source = await readFile(packageFile("axe-core/axe.min.js"), "utf8");
  // By the debugger, which the page's Content-Security-Policy does not concern.
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const found = serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" | ")}`);
  assert.deepEqual(found, [], "what a screen reader or a keyboard would stumble over");
}

/** Writes what `page` shows to `<name>.png` in the folder of screenshots, below cargo's target. */
export async function screenshot(page, name, options = {}) {
  await mkdir(screenshots, { recursive: true });
  const path = join(screenshots, `${name}.png`);
  await page.screenshot({ path, ...options });
  return path;
}

/** Waits until `condition()` is true, and no longer than `milliseconds`. For what no event tells. */
export async function until(condition, what, milliseconds = 5_000) {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
