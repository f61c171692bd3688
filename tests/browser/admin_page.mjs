// What the tests of the operator's page share: signing in, and the complaints that a browser makes of every refusal.

import { ADMIN_KEY, openPage } from "./harness.mjs";

/** Browsers log each answer of 400 and more by themselves; tests that are refused something name the status. */
export function refused(...statuses) {
  return statuses.map((status) => new RegExp(`status of ${status} `));
}

/** The operator's page, signed in, at the view that `hash` names. */
export async function openAdmin(t, server, hash = "#/", options = {}) {
  const page = await openPage(t, server, `/admin${hash}`, { timezoneId: "Europe/London", ...options });
  await signIn(page);
  return page;
}

/** Gives the key that is asked for. */
export async function signIn(page, key = ADMIN_KEY) {
  await page.getByLabel("Admin key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("dialog", { name: "Sign in" }).waitFor({ state: "detached" });
}

/** Claims for these users, as shoppers do. */
export async function claimFor(server, campaign, users) {
  const claims = users.map(async (user) => {
    const response = await fetch(`${server.origin}/v1/campaigns/${campaign}/claims`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: user }),
    });
    return response.json();
  });
  return Promise.all(claims);
}

/** `count` user ids. */
export function users(count, prefix = "u") {
  return Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`);
}
