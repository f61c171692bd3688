// Owns how a refusal, or the lack of an answer, is told to the caller.

export class Problem extends Error {
  constructor(members) {
    super(members.detail || members.title || members.code, { cause: members.cause });
    this.name = "Problem";
    this.code = members.code;
    this.status = members.status ?? 0;
    this.title = members.title ?? "";
    this.detail = members.detail ?? "";
    this.retryAfterMs = members.retry_after_ms ?? null;
    this.opens_at = members.opens_at ?? null;
    this.resets_at = members.resets_at ?? null;
    this.errors = members.errors ?? [];
    this.document = members.document ?? null;
    this.uncertain = members.uncertain ?? false;
  }
}

/** The problem that `response` is, whose body is `text`. What is no problem document (a proxy's page, say) is `bad_answer`. */
export function problemOf(response, text) {
  const document = parsed(text);
  const ours = typeof document?.code === "string";
  const members = ours ? { ...document, document } : { code: "bad_answer", detail: `the answer was a bare ${response.status}` };
  const told = ours && Number.isFinite(document.retry_after_ms) ? document.retry_after_ms : null;
  return new Problem({ ...members, status: response.status, retry_after_ms: told ?? retryAfterMs(response.headers) });
}

/** The JSON object in `text`; null if it is anything else. */
export function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

// Seconds or a date, the date held against the sender's own: the device's clock may be wrong.
function retryAfterMs(headers) {
  const value = headers.get("retry-after");
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1_000;
  const wait = Date.parse(value) - Date.parse(headers.get("date") ?? "");
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
