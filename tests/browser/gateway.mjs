// A shop's gateway: the shop's own page at `/`, everything else from landrush. It writes down what went through.

import { createServer, request } from "node:http";

import { atEnd } from "./harness.mjs";

/**
 * A gateway before `server`, ended after test `t`.
 * @returns `origin`; `passed`, each `{ path, headers, status }`; `refuse`, which a test may set: (path) => status or undefined;
 *   `cut()`, which ends all connections
 */
export async function startGateway(t, server, html = "<!doctype html><title>The shop</title>") {
  const gateway = { origin: "", passed: [], refuse: () => undefined, cut: () => http.closeAllConnections() };
  const http = createServer((asked, answered) => {
    const refused = gateway.refuse(asked.url);
    if (refused !== undefined) {
      answered.writeHead(refused).end();
      return;
    }
    if (asked.url.split("?")[0] === "/") {
      answered.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
      return;
    }
    const { method, headers } = asked;
    const onward = request(server.origin + asked.url, { method, headers }, (answer) => {
      gateway.passed.push({ path: asked.url, headers, status: answer.statusCode });
      answered.writeHead(answer.statusCode, answer.headers);
      answer.pipe(answered);
      answer.on("error", () => answered.destroy());
    });
    onward.on("error", () => answered.destroy());
    answered.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => {
    http.close();
    gateway.cut();
  });
  gateway.origin = `http://127.0.0.1:${http.address().port}`;
  return gateway;
}
