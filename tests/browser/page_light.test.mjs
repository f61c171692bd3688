// Every state of the shopper's page in light, on a phone.

import test from "node:test";

import { lookAtAll } from "./page_states.mjs";

test("every state can be read, seen and operated", async (t) => {
  await lookAtAll(t, "phone_light", { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
});
