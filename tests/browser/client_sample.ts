// How the client module is used with types: compiled by `client_types.test.mjs`, never run.

import { createClient, newIdempotencyKey, Problem } from "../../src/web/client.js";
import type { Availability, Claim, Client, Draw, Entry, Left, Retry } from "../../src/web/client.js";

const headers = () => ({ "X-Device-Id": "d" });
const client: Client = createClient({ baseUrl: "/coupons", token: () => null, headers, retry: { deadlineMs: 5_000 } });
const surroundings = { random: () => 0.5, EventSource: undefined, fetch, window: new EventTarget() };
const deterministic: Client = createClient({ surroundings });

export async function useAll(): Promise<string> {
  client.clock.start();
  await client.clock.sync();
  const opensIn: number = Date.parse("2026-12-01T00:00:00Z") - client.clock.now() + client.clock.uncertainty;
  const { items, next_cursor } = await client.campaigns({ limit: 10 });
  const more = next_cursor === null ? [] : (await client.campaigns({ cursor: next_cursor })).items;
  const names: string[] = [...items, ...more].map(({ id, coupon_types }) => `${id} ${coupon_types.length}`);
  const available: Availability = await client.availability("c");
  const left: Left[] = available.coupon_types.map(({ remaining }) => remaining);
  const idempotencyKey = newIdempotencyKey();
  const { signal } = new AbortController();
  try {
    const onRetry = ({ delayMs }: Retry) => console.log(delayMs);
    const claim: Claim = await client.claim("c", { userId: "u", couponType: "t", idempotencyKey, signal, onRetry });
    const draw: Draw = await client.draw("c", { userId: "u" });
    const entry: Entry = await client.enter("c", { userId: "u" });
    // @ts-expect-error a draw may win nothing
    draw.coupon.code;
    return `${claim.coupon.code} ${draw.coupon?.code} ${entry.number} ${opensIn} ${names} ${left}`;
  } catch (problem) {
    if (problem instanceof Problem && problem.code === "not_open") return problem.opens_at ?? `in ${problem.retryAfterMs ?? 0} ms`;
    throw problem;
  }
}

export function watchAll(): void {
  const watch = deterministic.watch("c", {
    onAvailability: ({ state }) => console.log(state),
    onConnection: (connection) => {
      // @ts-expect-error no such word
      if (connection === "connected") return;
      if (connection === "live") watch.close();
    },
  });
  // @ts-expect-error one must listen
  client.watch("c", {});
  // @ts-expect-error a draw chooses its type itself
  void client.draw("c", { userId: "u", couponType: "t" });
  client.close();
}
