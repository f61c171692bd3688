// Starts ReDoc over the document of this very server. The search would need a worker made of a text, which the page's policy
// forbids.
Redoc.init(
  "/openapi.json",
  { disableSearch: true, hideDownloadButton: false, theme: { typography: { fontFamily: "system-ui, sans-serif", headings: { fontFamily: "system-ui, sans-serif" }, code: { fontFamily: "ui-monospace, monospace" } } } },
  document.getElementById("document"),
);
