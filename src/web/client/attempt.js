// Owns one exchange with the server: bounded in time, ended by the caller's signal, and read to its end.

import { Problem, parsed, problemOf } from "./problem.js";

/**
 * Sends one request. Resolves to the answer's JSON; rejects with a `Problem`, or with the reason of `signal`.
 */
export async function attempt(surroundings, url, init, { signal, timeoutMs }) {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal?.addEventListener("abort", abort);
  const timer = surroundings.setTimeout(abort, timeoutMs);
  try {
    const response = await surroundings.fetch(url, { ...init, signal: controller.signal });
    const text = await response.text();
    if (!response.ok) throw problemOf(response, text);
    const answer = parsed(text);
    if (answer === null) throw new Problem({ code: "bad_answer", status: response.status, detail: "the answer is not JSON" });
    return answer;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Problem) throw error;
    if (controller.signal.aborted) throw new Problem({ code: "timeout", detail: `no answer within ${timeoutMs} ms`, cause: error });
    throw new Problem({ code: "network", detail: "the server could not be reached", cause: error });
  } finally {
    surroundings.clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
