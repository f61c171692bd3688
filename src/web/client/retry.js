// Owns when a call is repeated: what may pass is tried again at a spread of moments, what is final is told at once. Every call of
// this module may be repeated without harm, since the server answers the repeat of a win, draw or entry with the same again.

/**
 * Makes `attempt()` until it succeeds, is refused for good, or time is up; then rejects with the last problem.
 * @param timing `RetryOptions` with none left out
 */
export async function persist(surroundings, timing, attempt, { signal, onRetry } = {}) {
  const lastStart = surroundings.monotonicClock() + timing.deadlineMs;
  let uncertain = false;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (problem) {
      signal?.throwIfAborted();
      uncertain = settles(problem) ? false : uncertain || mayHaveHappened(problem);
      problem.uncertain = uncertain;
      if (!mayPass(problem)) throw problem;
      const delayMs = delayBefore(attempts, problem, timing, surroundings.random);
      if (surroundings.monotonicClock() + delayMs > lastStart) throw problem;
      onRetry?.({ attempts, delayMs, problem, uncertain });
      await pause(surroundings, delayMs, signal);
    }
  }
}

/** Whether asking again may help: too many at once, a server that restarts or is unwell, a network that lost something. */
export function mayPass({ status }) {
  return status === 0 || [408, 429, 502, 503, 504].includes(status);
}

// Whether the request may have taken effect though no answer says so. These codes say outright that nothing happened.
function mayHaveHappened({ status, code }) {
  const nothing = ["overloaded", "starting", "shutting_down", "rate_limited", "request_timeout"];
  return (status === 0 || status >= 500 || status === 408) && !nothing.includes(code);
}

// Whether the refusal was judged after any repeat would have been answered, so that nothing can have happened before.
function settles({ status }) {
  return [404, 409, 410, 422].includes(status);
}

/**
 * How long to wait after so many failures: at random up to a bound that doubles, so that a crowd that was refused together does
 * not come back together. Never before the server's own wait, and then spread over some more, since `Retry-After` alone may be
 * the same for everybody.
 */
export function delayBefore(attempts, problem, { firstDelayMs, longestDelayMs }, random) {
  const bound = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempts - 1));
  const own = random() * bound;
  const asked = problem.retryAfterMs;
  return asked === null ? own : Math.max(own, asked + random() * firstDelayMs);
}

function pause(surroundings, milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      surroundings.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = surroundings.setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
