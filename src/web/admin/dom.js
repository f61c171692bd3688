// Builds elements. Text goes in as text nodes only, so that nothing a shop or a shopper has typed is ever read as HTML.

/**
 * An element: `h("button", {class: "x", onclick: f, disabled: true}, "Text", child, [children])`. Functions become listeners,
 * true an empty attribute; false, null and undefined are left out, as members and as children.
 */
export function h(name, members = {}, ...children) {
  return filled(document.createElement(name), members, children);
}

/** The same for SVG. */
export function svg(name, members = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), members, children);
}

function filled(element, members, children) {
  for (const [name, value] of Object.entries(members)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") element.addEventListener(name.slice("on".length), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Puts these children in place of all that `element` has. */
export function replace(element, ...children) {
  element.replaceChildren(...nodes(children));
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

let lastId = 0;

/** An id that no other element has. */
export function newId(prefix = "e") {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Sets the text of `node` if it is another: screen readers and selections are left alone where nothing changes. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Says something in passing, also to screen readers. */
export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => (status.textContent = ""), 8_000);
}

/** A button that copies `text()`. */
export function copyButton(text, label = "Copy") {
  return h(
    "button",
    {
      type: "button",
      class: "plain",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text());
          announce("Copied.");
        } catch {
          announce("The browser does not let this page copy: select the text by hand.");
        }
      },
    },
    label,
  );
}
