// Every state of the shopper's page in dark, on a desktop.

import test from "node:test";

import { lookAtAll } from "./page_states.mjs";

test("every state can be read, seen and operated", async (t) => {
  await lookAtAll(t, "desktop_dark", { colorScheme: "dark", viewport: { width: 1280, height: 800 } });
});
