/**
 * Types of `/client.js`: what a shop's page needs of a landrush server. What the server answers keeps the names of the HTTP
 * contract (`snake_case`); what this module adds is in `camelCase`. Times of the server are RFC 3339 strings, durations of this
 * module are milliseconds.
 */

/** A client of one server. Nothing is sent before a call asks for it. */
export function createClient(options?: ClientOptions): Client;

/** An idempotency key: 128 random bits in hexadecimal. One stands for one press of the button. */
export function newIdempotencyKey(): string;

export interface ClientOptions {
  /** The server's origin, with a path before `/v1` if there is one. Default: the page's own origin. */
  baseUrl?: string;
  /** The user's token where the server asks for one (`auth.users = "jwt"`); called anew for each try of what is the user's alone. */
  token?: () => string | null | undefined;
  /** Headers for every request, such as `X-Device-Id`. */
  headers?: () => Record<string, string>;
  /** How calls are repeated. */
  retry?: RetryOptions;
  /** What the module takes from its surroundings; tests give their own. */
  surroundings?: Partial<Surroundings>;
}

export interface RetryOptions {
  /** How long after the call the last try may begin. Default 30,000. */
  deadlineMs?: number;
  /** How long one try may take before it counts as lost. Default 10,000. */
  attemptMs?: number;
  /** The longest wait before the first repeat; it doubles with each. Default 400. */
  firstDelayMs?: number;
  /** Where the doubling ends. Default 8,000. */
  longestDelayMs?: number;
}

/** Everything that is not computation. */
export interface Surroundings {
  fetch: typeof fetch;
  /** Absent where the browser has none: then the module polls. */
  EventSource: EventSourceConstructor | undefined;
  /** Uniform in [0, 1). */
  random: () => number;
  /** The device's clock, milliseconds since the epoch; may be wrong, and may jump. */
  wallClock: () => number;
  /** A clock that only goes forward, in milliseconds; it may stand still while the device sleeps. */
  monotonicClock: () => number;
  setTimeout: (run: () => void, milliseconds: number) => unknown;
  clearTimeout: (timer: any) => void;
  /** Where `online`, `offline` and `pageshow` are heard; absent outside of browsers. */
  window: EventTarget | undefined;
  /** Where `visibilitychange` is heard; absent outside of browsers. */
  document: (EventTarget & { visibilityState?: string }) | undefined;
}

export type EventSourceConstructor = new (url: string) => EventSourceLike;

/** The part of `EventSource` that this module uses. */
export interface EventSourceLike {
  readonly readyState: number;
  onopen: ((event: any) => unknown) | null;
  onerror: ((event: any) => unknown) | null;
  addEventListener(type: string, listener: (event: any) => void): void;
  close(): void;
}

export interface Client {
  /** The server's clock. Not in step before its first `sync()`. */
  readonly clock: ServerClock;

  /** One page of the campaigns; `next_cursor` is null on the last. */
  campaigns(page?: PageRequest): Promise<Page<Campaign>>;
  /** One campaign. */
  campaign(campaignId: string, call?: CallOptions): Promise<Campaign>;
  /** What is left of a campaign now. */
  availability(campaignId: string, call?: CallOptions): Promise<Availability>;
  /** Follows what is left: by the event stream, or by polling while the stream is refused. */
  watch(campaignId: string, handlers: WatchHandlers): Watch;

  /** Claims a coupon in a `first_come` campaign. Rejects with a `Problem` when refused for good or when time is up. */
  claim(campaignId: string, request: ClaimRequest): Promise<Claim>;
  /** Draws in a `draw` campaign. A draw that wins nothing is an answer, not a `Problem`. */
  draw(campaignId: string, request: UserRequest): Promise<Draw>;
  /** Enters a `lottery` campaign. */
  enter(campaignId: string, request: UserRequest): Promise<Entry>;

  /** Joins the waiting room. The ticket goes with the claim; joining again gives the same place. */
  joinWaitingRoom(campaignId: string, request?: JoinRequest): Promise<WaitingRoomPlace & { ticket: string }>;
  /** How far the waiting room is; with a ticket, where its bearer stands. */
  waitingRoom(campaignId: string, call?: CallOptions & { ticket?: string }): Promise<WaitingRoom & Partial<WaitingRoomPlace>>;
  /** Registers with a campaign that hears only those who have. */
  register(campaignId: string, request?: JoinRequest & { phone?: string }): Promise<{ state: "registered" }>;
  /**
   * Meets a challenge; the pass goes with the claim. Of `altcha` it does the work, some tenths of a second: do it ahead. Of `turnstile` and
   * `hcaptcha`, `widget` shows the provider's widget for `site_key` and resolves to what it gives.
   */
  meetChallenge(
    campaignId: string,
    request?: JoinRequest & { widget?: (challenge: { provider: "turnstile" | "hcaptcha"; site_key: string }) => Promise<string> },
  ): Promise<{ pass: string; expires_at: string }>;

  /** The user's claims or draws in a campaign, so that a page that was loaded again shows them. */
  claimsByUser(campaignId: string, userId: string, call?: CallOptions): Promise<{ items: Array<Claim | Draw> }>;
  /** The user's entry in a lottery: pending, or how it was drawn. */
  entryByUser(campaignId: string, userId: string, call?: CallOptions): Promise<Entry>;

  /** Ends every watch, and the clock's exchanges. */
  close(): void;
}

/**
 * A clock in step with the server's. Once synced it goes backwards only when it turns out to be wrong by more than a second
 * (something was set, or has slept); a smaller correction makes it run slower for a moment.
 */
export interface ServerClock {
  /** The server's time in milliseconds since the epoch; the device's own until the first sync. */
  now(): number;
  /** How far `now()` may be from the truth, in milliseconds; Infinity before the first sync. */
  readonly uncertainty: number;
  /** Whether the server has been asked with success. */
  readonly synced: boolean;
  /** Asks the server eight times in turn; the shortest round trips count most. Rejects when none came back. */
  sync(): Promise<void>;
  /** Syncs now, again every few minutes, and when the device wakes, comes back online or shows the page again. */
  start(): void;
  /** Ends what `start` began. */
  stop(): void;
}

export interface CallOptions {
  /** Ends the call, also while it waits for its next try. */
  signal?: AbortSignal;
}

export interface PageRequest extends CallOptions {
  limit?: number;
  cursor?: string;
}

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

export interface UserRequest extends CallOptions {
  /** May be left out when the token says who it is. */
  userId?: string;
  phone?: string;
  /** One a press; made when absent. All tries of the call carry the same. */
  idempotencyKey?: string;
  /** The pass of a solved challenge. */
  pass?: string;
  /** The waiting room's ticket. */
  ticket?: string;
  /** Told before each wait, so that a page can say that it is trying on. */
  onRetry?: (retry: Retry) => void;
}

export interface JoinRequest extends CallOptions {
  /** May be left out when the token says who it is. */
  userId?: string;
  /** Told before each wait, so that a page can say that it is trying on. */
  onRetry?: (retry: Retry) => void;
}

export interface ClaimRequest extends UserRequest {
  /** Absent: the first type that has some left. */
  couponType?: string;
}

export interface Retry {
  /** How many tries have failed. */
  attempts: number;
  /** How long until the next. */
  delayMs: number;
  /** Why the last one failed. */
  problem: Problem;
  /** Whether a try may have taken effect without our having heard of it. Repeating tells. */
  uncertain: boolean;
}

export interface WatchHandlers {
  /** What is left has changed. Never called with something older than before, as far as the server tells. */
  onAvailability(availability: Availability): void;
  /** The way it comes has changed: by the stream, by polling, or not at all now. */
  onConnection?(connection: Connection): void;
  /** The waiting room has moved. */
  onWaitingRoom?(waitingRoom: WaitingRoom): void;
  /** The campaign is not to be had (404, 410, 401, 403); the watch has ended. */
  onProblem?(problem: Problem): void;
}

/** How far a waiting room is: the same for all. */
export interface WaitingRoom {
  state: WaitingRoomState;
  /** With `sold_out`, where only today's coupons are gone: when people are let in again. Places are kept. */
  resets_at: string | null;
  opens_at: string;
  /** The last position that is let in. */
  now_serving: number;
  waiting: number;
  admit_per_second: number;
  /** The seed is null until the opening has shuffled those who came before it. */
  fairness: { commitment: string; seed: string | null; entries: { count: number; hash: string | null } };
}

export type WaitingRoomState = "waiting" | "admitted" | "sold_out" | "over";

/** Where somebody stands. */
export interface WaitingRoomPlace {
  state: WaitingRoomState;
  /** By arrival, from 1: what the position follows from, so that it can be checked. */
  number: number;
  /** From 1; null until the opening. */
  position: number | null;
  ahead: number | null;
  /** A span such as `1m30s`. */
  estimated_wait: string | null;
  /** Until when the holder may claim, once let in. */
  admitted_until: string | null;
  /** As in `WaitingRoom`. */
  resets_at: string | null;
}

export type Connection = "live" | "polling" | "offline";

export interface Watch {
  close(): void;
}

export type Mode = "first_come" | "draw" | "lottery";
export type CampaignState = "scheduled" | "open" | "paused" | "sold_out" | "closed" | "ended" | "cancelled";
/** An exact count, or its bucket where the campaign shows no counts. */
export type Left = number | "plenty" | "few" | "last" | "none";

export interface Availability {
  campaign_id: string;
  state: CampaignState;
  server_time: string;
  opens_at: string | null;
  closes_at: string | null;
  resets_at: string | null;
  coupon_types: CouponTypeLeft[];
}

export interface CouponTypeLeft {
  id: string;
  name: string;
  remaining: Left;
  remaining_today: Left;
}

export interface Campaign {
  id: string;
  name: string;
  time_zone: string;
  mode: Mode;
  state: CampaignState;
  schedule: Schedule;
  limit: { max: number; per: "campaign" | "day" | "window"; by: "user" | "phone" };
  phone_required: boolean;
  availability_display: "exact" | "bucketed";
  coupon_types: CouponType[];
  fairness?: Fairness;
  [other: string]: unknown;
}

export interface Schedule {
  starts_at: string;
  ends_at: string;
  windows?: { at: string[]; days?: string[]; duration: string };
}

export interface CouponType {
  id: string;
  name: string;
  total_quota?: number;
  daily_quota?: number | null;
  probability?: number;
  valid_for?: string;
  [other: string]: unknown;
}

export interface Fairness {
  commitment: string;
  seed: string | null;
  entries?: { count: number; hash: string };
}

export interface Coupon {
  code: string | null;
  coupon_type: string;
  state: "issued" | "reserved" | "redeemed" | "expired" | "void";
  expires_at: string | null;
}

export interface Claim {
  claim_id: string;
  campaign_id: string;
  user_id: string;
  outcome: "won";
  /** Whether this is the answer to an earlier request. Also true when an answer was lost and the module asked again. */
  repeated: boolean;
  decided_at: string;
  coupon: Coupon;
}

export interface Draw {
  draw_id: string;
  campaign_id: string;
  user_id: string;
  outcome: "won" | "no_coupon";
  repeated: boolean;
  decided_at: string;
  /** The type that the odds chose; null: none. */
  sampled: string | null;
  coupon?: Coupon;
}

export interface Entry {
  entry_id: string;
  /** The place among the entries, from 1. */
  number: number;
  campaign_id: string;
  user_id: string;
  outcome: "pending" | "won" | "no_coupon";
  repeated: boolean;
  decided_at: string;
  rank?: number;
  coupon?: Coupon;
}

/** Why something was refused, or could not be asked. `message` is for people. */
export class Problem extends Error {
  constructor(members: { code: string; status?: number; title?: string; detail?: string; [member: string]: unknown });
  readonly name: "Problem";
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The stable code of the contract, or `network`, `timeout`, `bad_answer` when there was no answer to read. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** How long the server asks to wait; null: it does not say. */
  readonly retryAfterMs: number | null;
  /** With `not_open`: when it opens. */
  readonly opens_at: string | null;
  /** With `daily_sold_out`: when there is more. */
  readonly resets_at: string | null;
  /** With `invalid_request`: what is wrong, by JSON Pointer. */
  readonly errors: ReadonlyArray<{ pointer: string; detail: string }>;
  /** The problem document as it came, or null. */
  readonly document: Readonly<Record<string, unknown>> | null;
  /** Whether an earlier try may have taken effect: ask again with the same key, or `claimsByUser`. */
  readonly uncertain: boolean;
}
