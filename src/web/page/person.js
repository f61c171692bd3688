// Owns who is shopping: the customer id that the shop's link, the shopper or an earlier visit gave, or the shop's signed token.
// Neither stays in the address bar, where it would end up in histories and logs.

const USER = "landrush.user";
const PHONE = "landrush.phone";
const TOKEN = "landrush.token";

export class Person {
  /** Whether the shop signs who its customers are: then nobody can type an id. */
  needsToken;
  userId;
  phone;
  token = null;

  /** @param users `trusted` or `jwt`, as the server is set */
  constructor(users) {
    this.needsToken = users === "jwt";
    this.userId = kept(localStore(), USER) ?? "";
    this.phone = kept(localStore(), PHONE) ?? "";
    this.#takeFromAddress();
    if (this.needsToken) {
      this.token ??= kept(sessionStore(), TOKEN);
      this.userId = subject(this.token);
    }
  }

  /** Takes what the shopper has typed, for this visit and the next. */
  is(userId, phone) {
    if (!this.needsToken) {
      this.userId = userId;
      keep(localStore(), USER, userId);
    }
    if (phone !== undefined) {
      this.phone = phone;
      keep(localStore(), PHONE, phone);
    }
  }

  /** Somebody else sits here now. */
  forget() {
    this.userId = "";
    this.phone = "";
    keep(localStore(), USER, "");
    keep(localStore(), PHONE, "");
  }

  // `?user=…` from the shop's link; `#token=…`, which browsers do not send.
  #takeFromAddress() {
    const address = new URL(location.href);
    const user = address.searchParams.get("user");
    const token = new URLSearchParams(address.hash.slice(1)).get("token");
    if (user && !this.needsToken) this.is(user);
    if (token) {
      this.token = token;
      keep(sessionStore(), TOKEN, token);
      address.hash = "";
    }
    if (user || token) {
      address.searchParams.delete("user");
      history.replaceState(history.state, "", address);
    }
  }
}

// The `sub` of a token. The server checks the signature; the page only needs the name.
function subject(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes)).sub ?? "");
  } catch {
    return "";
  }
}

// Browsers may forbid storage, by throwing at the very name.
function localStore() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

function sessionStore() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}

function kept(store, name) {
  try {
    return store?.getItem(name) || null;
  } catch {
    return null;
  }
}

function keep(store, name, value) {
  try {
    if (value === "") store?.removeItem(name);
    else store?.setItem(name, value);
  } catch {
    // A full or forbidden store only means that it is asked for again.
  }
}
