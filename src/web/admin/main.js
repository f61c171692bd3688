// Begins the page: signs in, reads the address, shows the view that it names.

import { session } from "./api.js";
import { campaign } from "./campaign.js";
import { campaigns } from "./campaigns.js";
import { h, replace, setText } from "./dom.js";
import * as feed from "./feed.js";
import { newCampaign, forgetDraft } from "./form.js";
import { lookUp } from "./look_up.js";
import { overview } from "./overview.js";
import { signIn } from "./sign_in.js";
import { showLength } from "./time.js";

const main = document.getElementById("main");
let view = null;

function find(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  const parameters = new URLSearchParams(query);
  if (parts.length === 0) return overview();
  if (parts[0] === "campaigns" && parts.length === 1) return campaigns();
  if (parts[0] === "campaigns" && parts.length === 2) return campaign(parts[1]);
  if (parts[0] === "new" && parts.length === 1) return newCampaign(parameters.get("from"));
  if (parts[0] === "look-up" && parts.length === 1) return lookUp(parameters);
  return {
    title: "Not found",
    element: h("section", {}, h("h1", { tabindex: "-1" }, "Not found"), h("a", { href: "#/" }, "Overview")),
  };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function show({ isFirst = false } = {}) {
  view?.leave?.();
  view = find(location.hash);
  replace(main, view.element);
  document.title = `${view.title} · landrush operator`;
  for (const link of document.querySelectorAll("#views a")) {
    const [own, here] = [link.getAttribute("href"), location.hash.split("?")[0] || "#/"];
    const isHere = own === here || (own !== "#/" && here.startsWith(`${own}/`));
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!isFirst) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
  }
}

function showPulse() {
  const pulse = document.getElementById("pulse");
  const { problem, answeredAt } = feed.state;
  pulse.classList.toggle("bad", problem !== null);
  if (problem === null) setText(pulse, answeredAt === null ? "" : "live");
  else if (answeredAt === null) setText(pulse, problem.sentence ?? String(problem));
  else setText(pulse, `no figures for ${showLength(performance.now() - answeredAt)}`);
  pulse.title = problem?.sentence ?? "";
}

async function enter() {
  if (!session.isOpen) await signIn();
  document.getElementById("sign-out").hidden = false;
  feed.start();
  show({ isFirst: true });
}

document.getElementById("sign-out").addEventListener("click", () => {
  session.close();
  feed.stop();
  forgetDraft();
  view?.leave?.();
  view = null;
  replace(main);
  document.getElementById("sign-out").hidden = true;
  void enter();
});
// The part behind # names a view, so that a link cannot jump by it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
session.onRefusal(() => signIn("The server no longer takes this key. What you have filled in is still there."));
feed.subscribe(showPulse);
addEventListener("hashchange", () => session.isOpen && show());
void enter();
