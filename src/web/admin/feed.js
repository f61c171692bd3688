// Reads the server's figures once a second and keeps those of the last five minutes. Whoever shows them subscribes.

import { allCampaigns, request, session } from "./api.js";
import { between, Reading } from "./metrics.js";

const EVERY_MS = 1_000;

/** How far back the figures go. */
export const KEPT_MS = 300_000;

/** What is known of the server: replaced as a whole by each reading. */
export const state = {
  /** What happened each second, oldest first. */
  points: [],
  /** The last reading of the metrics. */
  reading: null,
  /** All campaigns, in the order of their ids. */
  campaigns: [],
  /** Coupons issued a second, by campaign. */
  campaignRates: new Map(),
  /** What the server refused, or that it cannot be reached; null while it answers. */
  problem: null,
  /** When it last answered, by `performance.now()`. */
  answeredAt: null,
};

const listeners = new Set();
let timer = null;
let generation = 0;
let issuedBefore = null;

/** Calls `listener` now, if there is something to show, and after each reading; returns what ends that. */
export function subscribe(listener) {
  listeners.add(listener);
  if (state.answeredAt !== null || state.problem !== null) listener();
  return () => listeners.delete(listener);
}

/** Begins to read. */
export function start() {
  stop();
  void tick(generation);
}

/** Ends reading, and forgets what was read. */
export function stop() {
  generation += 1;
  clearTimeout(timer);
  issuedBefore = null;
  Object.assign(state, { points: [], reading: null, campaigns: [], campaignRates: new Map(), problem: null, answeredAt: null });
}

/** Reads at once: something was changed. */
export async function refresh() {
  await readCampaigns(generation).catch(() => {});
  tell();
}

async function tick(mine) {
  const began = performance.now();
  try {
    await readMetrics(mine);
    await readCampaigns(mine);
    if (mine === generation) Object.assign(state, { problem: null, answeredAt: performance.now() });
  } catch (problem) {
    if (mine === generation) state.problem = problem;
  }
  if (mine !== generation || !session.isOpen) return;
  tell();
  timer = setTimeout(() => void tick(mine), Math.max(100, EVERY_MS - (performance.now() - began)));
}

function tell() {
  for (const listener of listeners) listener();
}

async function readMetrics(mine) {
  const response = await request("GET", "/v1/metrics");
  const reading = new Reading(await response.text(), performance.now());
  if (mine !== generation) return;
  const point = state.reading === null ? null : between(state.reading, reading);
  const kept = state.points.filter(({ at }) => at > reading.at - KEPT_MS);
  state.points = point === null ? kept : [...kept, point];
  state.reading = reading;
}

async function readCampaigns(mine) {
  const campaigns = await allCampaigns();
  if (mine !== generation) return;
  const [at, issued] = [performance.now(), new Map(campaigns.map((campaign) => [campaign.id, issuedOf(campaign)]))];
  // Readings in quick succession would make a rate of chance.
  if (issuedBefore === null || at - issuedBefore.at >= EVERY_MS / 2) {
    const seconds = issuedBefore === null ? 1 : (at - issuedBefore.at) / 1000;
    const before = (id) => issuedBefore?.issued.get(id) ?? issued.get(id);
    state.campaignRates = new Map([...issued].map(([id, count]) => [id, Math.max(0, count - before(id)) / seconds]));
    issuedBefore = { at, issued };
  }
  state.campaigns = campaigns;
}

/** How many coupons of a campaign are issued, of all types. */
export function issuedOf(campaign) {
  return campaign.coupon_types.reduce((sum, type) => sum + type.issued, 0);
}
