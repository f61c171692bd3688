// The operator's page: who gets in, and what it shows of a server at work.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import test from "node:test";

import { claimFor, openAdmin, refused, signIn, users } from "./admin_page.mjs";
import { ADMIN_KEY, openPage, projectFolder, startServer } from "./harness.mjs";

test("a wrong key is said to be wrong, and the right one opens the page", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const page = await openPage(t, server, "/admin", { allowed: refused(401) });
  const dialog = page.getByRole("dialog", { name: "Sign in" });
  await dialog.getByLabel("Admin key").fill("not the key");
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").getByText("does not take this key").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  // There is nothing to see without a key: what the browser closes is opened again, a task later.
  await dialog.waitFor({ state: "visible" });
  await signIn(page);
  await page.getByRole("link", { name: "Spring sale" }).waitFor();
});

test("the key stays in this tab: in no address, no cookie and no lasting storage, and signing out forgets it", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server, "/admin");
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await signIn(page);
  await page.getByText("live", { exact: true }).waitFor();
  const kept = await page.evaluate(() => ({ lasting: { ...localStorage }, tab: { ...sessionStorage }, cookie: document.cookie }));
  assert.deepEqual(kept, { lasting: {}, tab: { "landrush-admin-key": ADMIN_KEY }, cookie: "" });
  assert.ok(asked.length > 0 && asked.every((url) => !url.includes(ADMIN_KEY)), asked.join("\n"));
  assert.ok(!page.url().includes(ADMIN_KEY));

  await page.reload();
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("dialog", { name: "Sign in" }).waitFor();
  assert.deepEqual(await page.evaluate(() => ({ ...sessionStorage })), {});
  assert.equal(await page.getByRole("heading", { name: "Overview" }).count(), 0);
});

test("a key that is taken no longer is asked for again, over a form that stays as it is", async (t) => {
  const server = await startServer(t);
  const page = await openAdmin(t, server, "#/new", { allowed: refused(401) });
  await page.getByLabel("Name").first().fill("Half filled");
  await page
    .context()
    .route("**/v1/**", (route) => route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } }));
  const dialog = page.getByRole("dialog", { name: "Sign in" });
  await dialog.getByText("no longer takes this key").waitFor();
  await page.context().unroute("**/v1/**");
  await signIn(page);
  assert.equal(await page.getByLabel("Name").first().inputValue(), "Half filled");
  await page.getByText("live", { exact: true }).waitFor();
});

test("figures and bars move while claims run, also where metrics have a listener of their own", async (t) => {
  const server = await startServer(t, { settings: '[metrics]\nlisten = "127.0.0.1:0"\n' });
  await server.createCampaign({ coupon_types: [{ id: "cash-5", name: "Cash", total_quota: 200 }] });
  const page = await openAdmin(t, server);
  const tile = (name) => page.locator(".tiles > div").filter({ hasText: name }).locator("dd");
  await tile("Won since start").getByText("0", { exact: true }).waitFor();
  await claimFor(server, "spring-sale", users(150));
  await tile("Won since start").getByText("150", { exact: true }).waitFor();
  await page.getByText("150 / 200 (75 %)").waitFor();
  await tile("Answered, p99")
    .filter({ hasText: /\d (µs|ms|s)$/ })
    .waitFor();
  await page.getByRole("img", { name: "Claims per second" }).locator("path.area.c-won").waitFor();

  await claimFor(server, "spring-sale", users(100, "late"));
  const outcomes = page.locator("figure").filter({ hasText: "Outcomes per second" });
  await outcomes
    .locator(".legend")
    .getByText(/^sold out \d/)
    .waitFor();
  await page
    .getByRole("row", { name: /Spring sale/ })
    .getByText("sold out", { exact: true })
    .waitFor();
  await outcomes.getByText("As a table").click();
  await outcomes.getByRole("columnheader", { name: "won" }).waitFor();
  assert.ok((await outcomes.locator("tbody tr").count()) > 0, "the same figures as a table");
});

test("a server that goes away is said to be away, and its figures go on when it is back", async (t) => {
  const server = await startServer(t);
  await server.createCampaign();
  const page = await openAdmin(t, server, "#/", { allowed: [/ERR_CONNECTION/, /ERR_EMPTY_RESPONSE/, ...refused(503)] });
  await page.getByText("live", { exact: true }).waitFor();
  await server.stop();
  await page.getByText(/no figures for/).waitFor();
  assert.ok(await page.getByRole("link", { name: "Spring sale" }).isVisible(), "what was known stays");
  await server.start();
  await page.getByText("live", { exact: true }).waitFor();
});

test("no data is ever made into markup", async () => {
  const folder = `${projectFolder}/src/web/admin`;
  for (const name of await readdir(folder)) {
    const text = await readFile(`${folder}/${name}`, "utf8");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|localStorage/, name);
  }
});
