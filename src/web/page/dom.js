// Owns how elements are made. Text is only ever set as text, so that no name of a campaign or a coupon can become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. An attribute that is `null`, `undefined` or `false` is left out, `true` is set empty, a function listens to the
 * event of that name. Children are nodes or text; `null` ones are left out.
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same, of SVG. */
export function svgElement(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Sets the text of `node` if it is another, so that what is watched by a screen reader changes only when its meaning does. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute if it is another; `null` takes it away. */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
