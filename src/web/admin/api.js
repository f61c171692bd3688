// Speaks to the server with the admin key. The key is kept for this tab, in its session storage, and travels in a header only.

const STORED = "landrush-admin-key";
const PATIENCE_MS = 15_000;

let key = sessionStorage.getItem(STORED);
let askForKey = () => Promise.reject(new Problem({ code: "unauthorized", status: 401 }));

/** What the server refused, or that it could not be asked. */
export class Problem extends Error {
  constructor({ code, status = 0, title = "", detail = "", errors = [], ...facts }) {
    super(detail || title || code);
    Object.assign(this, { code, status, title, detail, errors, facts });
  }

  /** In a sentence for people. */
  get sentence() {
    const text = [this.title, this.detail].filter((part, i, parts) => part && parts.indexOf(part) === i).join(": ");
    return text === "" ? this.code : text;
  }
}

export const session = {
  /** Whether there is a key to send. */
  get isOpen() {
    return key !== null;
  },

  /** Keeps `newKey` if the server takes it; rejects with its `Problem` if not. */
  async open(newKey) {
    const response = await send("GET", "/v1/metrics", { key: newKey });
    if (!response.ok) throw await problemOf(response);
    await response.arrayBuffer();
    key = newKey;
    sessionStorage.setItem(STORED, newKey);
  },

  /** Forgets the key. */
  close() {
    key = null;
    sessionStorage.removeItem(STORED);
  },

  /** Names who asks people for a key when the server takes ours no longer: `ask` resolves once a new one is kept. */
  onRefusal(ask) {
    askForKey = ask;
  },
};

/**
 * Calls the server, and again with another key if it takes this one no longer. Resolves with the `Response` of a success.
 * @param {{json?: unknown, body?: Blob, headers?: Record<string, string>, signal?: AbortSignal, patienceMs?: number}} options
 */
export async function request(method, path, options = {}) {
  for (;;) {
    const used = key;
    const response = await send(method, path, { ...options, key: used });
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (problem.status !== 401) throw problem;
    // Another call may have asked meanwhile.
    if (key !== used) continue;
    // Of a call that wants a shopper's token instead, no key would change anything.
    if ((await send("GET", "/v1/metrics", { key: used })).status !== 401) throw problem;
    if (key === used) await askForKey(problem);
  }
}

/** The JSON that the server answers; null where it answers nothing. */
export async function call(method, path, options) {
  const response = await request(method, path, options);
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

async function send(method, path, { key, json, body, headers = {}, signal, patienceMs = PATIENCE_MS }) {
  const sent = { ...headers };
  if (key !== null) sent.authorization = `Bearer ${key}`;
  if (json !== undefined) sent["content-type"] = "application/json";
  const ends = [signal, patienceMs === Infinity ? undefined : AbortSignal.timeout(patienceMs)].filter(Boolean);
  try {
    return await fetch(path, {
      method,
      headers: sent,
      body: json === undefined ? body : JSON.stringify(json),
      signal: ends.length === 0 ? undefined : AbortSignal.any(ends),
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error.name === "TimeoutError") throw new Problem({ code: "timeout", title: "The server did not answer in time" });
    throw new Problem({ code: "network", title: "The server cannot be reached" });
  }
}

async function problemOf(response) {
  const text = await response.text().catch(() => "");
  try {
    return new Problem({ ...JSON.parse(text), status: response.status });
  } catch {
    return new Problem({ code: "bad_answer", status: response.status, title: `The server answered ${response.status}` });
  }
}

/** The path of a campaign, and of what is below it. */
export function campaignPath(id, below = "") {
  return `/v1/campaigns/${encodeURIComponent(id)}${below}`;
}

/** All campaigns, with what only operators see. */
export async function allCampaigns(options) {
  const campaigns = [];
  let cursor = null;
  do {
    const query = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await call("GET", `/v1/campaigns?limit=1000${query}`, options);
    campaigns.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return campaigns;
}
