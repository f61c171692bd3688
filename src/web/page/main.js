// Owns the start of the page: which view it is, who is shopping, what time it is, and whether the shop can be reached.

import { createClient } from "/client.js";
import { showCampaign } from "./campaign.js";
import { setText } from "./dom.js";
import { showList } from "./list.js";
import { Person } from "./person.js";
import { viewerZone } from "./times.js";

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const announcer = document.getElementById("announcer");
const person = new Person(document.documentElement.dataset.users);
const client = createClient({ token: () => person.token });
const page = { client, person, main, announce, connected };

client.clock.start();
setText(document.getElementById("clock-note"), `Times are in your time zone, ${viewerZone.replaceAll("_", " ")}.`);
addEventListener("offline", () => connected("offline"));
addEventListener("online", () => connected("live"));
if (!navigator.onLine) connected("offline");

switch (main.dataset.view) {
  case "campaign":
    showCampaign(page, main.dataset.campaign);
    break;
  case "list":
    showList(page);
    break;
  default:
    // A page that only says something.
    break;
}

/** Says something to screen readers once what they are saying is done. */
function announce(text) {
  // The same words twice are news twice only if the text changes in between.
  announcer.textContent = "";
  requestAnimationFrame(() => setText(announcer, text));
}

/** Shows whether the shop can be reached. Polling is as good as the stream to whoever looks. */
function connected(connection) {
  const isAway = connection === "offline" || !navigator.onLine;
  setText(banner, isAway ? "No connection. What you see may be old; it catches up by itself." : "");
  document.documentElement.classList.toggle("is-away", isAway);
}
