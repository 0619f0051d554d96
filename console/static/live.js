/* Keeps the first page's figures true: the stream says that something changed, htmx fetches the part again. */
const RETRY_MS = 30_000;

function listen() {
  const source = new EventSource("/console/today/live");
  source.addEventListener("changed", () => htmx.trigger(document.body, "changed"));
  // The browser tries again by itself, unless the service refused: then the page asks now and then.
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => {
      htmx.trigger(document.body, "changed");
      listen();
    }, RETRY_MS);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

listen();
