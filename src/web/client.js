// The client module: what a shop's page needs of a landrush server. It owns the calls and their names; how one exchange is made,
// when it is repeated, what time it is at the server and how what is left is followed are each in a file of `client/`.
// Types and meanings: `client.d.ts`.

import { attempt } from "./client/attempt.js";
import { ServerClock } from "./client/clock.js";
import { Problem } from "./client/problem.js";
import { payloadOf } from "./client/proof.js";
import { persist } from "./client/retry.js";
import { Watch } from "./client/watch.js";

export { Problem };

const RETRY = { deadlineMs: 30_000, attemptMs: 10_000, firstDelayMs: 400, longestDelayMs: 8_000 };

export function createClient({ baseUrl = "", token, headers, retry = {}, surroundings: given = {} } = {}) {
  const surroundings = { ...surroundingsHere(), ...given };
  const timing = { ...RETRY, ...retry };
  const base = baseUrl.replace(/\/+$/, "");
  const watches = new Set();

  // `asUser`: the token goes with what is the user's alone; what all may read is left to shared caches.
  const send = (method, path, { asUser = false, body, extra, signal, cache } = {}) => {
    const bearer = asUser ? token?.() : null;
    const init = { method, headers: { ...headers?.(), ...extra } };
    if (bearer) init.headers.authorization = `Bearer ${bearer}`;
    if (cache) init.cache = cache;
    if (body !== undefined) {
      init.headers["content-type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    return attempt(surroundings, base + path, init, { signal, timeoutMs: timing.attemptMs });
  };
  const read = (path, { asUser, extra, signal }) => {
    return persist(surroundings, timing, () => send("GET", path, { asUser, extra, signal }), { signal });
  };
  const post = (path, body, { signal, onRetry }) => {
    return persist(surroundings, timing, () => send("POST", path, { asUser: true, body, signal }), { signal, onRetry });
  };
  const press = (campaignId, kind, request, body = {}) => {
    const { userId, phone, pass, ticket, signal, onRetry } = request;
    if (userId !== undefined) body.user_id = userId;
    if (phone !== undefined) body.phone = phone;
    const extra = { "idempotency-key": request.idempotencyKey ?? newIdempotencyKey() };
    if (pass !== undefined) extra["x-landrush-pass"] = pass;
    if (ticket !== undefined) extra["x-landrush-ticket"] = ticket;
    const path = campaignPath(campaignId, kind);
    return persist(surroundings, timing, () => send("POST", path, { asUser: true, body, extra, signal }), { signal, onRetry });
  };
  const clock = new ServerClock(surroundings, () => send("GET", "/v1/time", { cache: "no-store" }));

  return {
    clock,
    campaigns({ limit, cursor, signal } = {}) {
      const query = new URLSearchParams();
      if (limit !== undefined) query.set("limit", String(limit));
      if (cursor !== undefined) query.set("cursor", cursor);
      const asked = query.toString();
      return read(asked === "" ? "/v1/campaigns" : `/v1/campaigns?${asked}`, { signal });
    },
    campaign: (campaignId, { signal } = {}) => read(campaignPath(campaignId), { signal }),
    availability: (campaignId, { signal } = {}) => read(campaignPath(campaignId, "availability"), { signal }),
    watch(campaignId, handlers) {
      const watch = new Watch(surroundings, handlers, {
        streamUrl: base + campaignPath(campaignId, "events"),
        poll: (signal) => send("GET", campaignPath(campaignId, "availability"), { signal }),
        onClose: () => watches.delete(watch),
      });
      watches.add(watch);
      watch.start();
      return { close: () => watch.close() };
    },
    claim(campaignId, request) {
      const body = request.couponType === undefined ? {} : { coupon_type: request.couponType };
      return press(campaignId, "claims", request, body);
    },
    draw: (campaignId, request) => press(campaignId, "draws", request),
    enter: (campaignId, request) => press(campaignId, "entries", request),
    joinWaitingRoom(campaignId, { userId, signal, onRetry } = {}) {
      return post(campaignPath(campaignId, "waiting-room"), ofUser(userId), { signal, onRetry });
    },
    waitingRoom(campaignId, { ticket, signal } = {}) {
      const extra = ticket === undefined ? {} : { "x-landrush-ticket": ticket };
      return read(campaignPath(campaignId, "waiting-room"), { asUser: ticket !== undefined, extra, signal });
    },
    register(campaignId, { userId, phone, signal, onRetry } = {}) {
      const body = { ...ofUser(userId), ...(phone === undefined ? {} : { phone }) };
      return post(campaignPath(campaignId, "registrations"), body, { signal, onRetry });
    },
    async meetChallenge(campaignId, { userId, widget, signal, onRetry } = {}) {
      const path = campaignPath(campaignId, "challenge");
      const asked = userId === undefined ? path : `${path}?user_id=${encodeURIComponent(userId)}`;
      for (let isLast = false; ; isLast = true) {
        const challenge = await read(asked, { asUser: true, signal });
        const { provider = "altcha" } = challenge;
        if (provider !== "altcha" && widget === undefined) {
          throw new Problem({ code: "widget_required", detail: `${provider} sets its challenges on pages that show its widget` });
        }
        const payload = await (provider === "altcha" ? payloadOf(challenge, { signal }) : widget(challenge));
        try {
          return await post(path, { ...ofUser(userId), provider, payload }, { signal, onRetry });
        } catch (problem) {
          // The pass was lost on its way, or the server has been started anew: work that was done is worth another challenge.
          if (isLast || provider !== "altcha" || problem.code !== "challenge_required") throw problem;
        }
      }
    },
    claimsByUser(campaignId, userId, { signal } = {}) {
      return read(campaignPath(campaignId, "claims", "by-user", userId), { asUser: true, signal });
    },
    entryByUser(campaignId, userId, { signal } = {}) {
      return read(campaignPath(campaignId, "entries", "by-user", userId), { asUser: true, signal });
    },
    close() {
      clock.stop();
      for (const watch of watches) watch.close();
    },
  };
}

export function newIdempotencyKey() {
  // Not `randomUUID`, which pages without TLS do not have.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function ofUser(userId) {
  return userId === undefined ? {} : { user_id: userId };
}

function campaignPath(campaignId, ...rest) {
  return ["/v1/campaigns", ...[campaignId, ...rest].map(encodeURIComponent)].join("/");
}

// What this browser, or Node, has. Functions that must be called on their owner are wrapped.
function surroundingsHere() {
  return {
    fetch: (...request) => fetch(...request),
    EventSource: globalThis.EventSource,
    random: Math.random,
    wallClock: Date.now,
    monotonicClock: () => performance.now(),
    setTimeout: (run, milliseconds) => setTimeout(run, milliseconds),
    clearTimeout: (timer) => clearTimeout(timer),
    window: globalThis.window,
    document: globalThis.document,
  };
}
