// Search runs in a worker, and browsers start none from a file. There, a hidden frame stands in for
// it, so that the site can be searched with no server. Messages arrive later, as those of a worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      const here = new URL(address, document.baseURI);
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      const load = () => {
        document.body.appendChild(this.frame);
        const inside = this.frame.contentWindow;
        const run = (url) =>
          new Promise((done, failed) => {
            const script = inside.document.createElement("script");
            script.src = new URL(url, here).href;
            script.onload = done;
            script.onerror = failed;
            inside.document.body.appendChild(script);
          });
        inside.importScripts = (...urls) =>
          urls.reduce((before, url) => before.then(() => run(url)), Promise.resolve());
        inside.postMessage = (data) =>
          setTimeout(() => {
            const message = new MessageEvent("message", { data });
            this.dispatchEvent(message);
            this.onmessage?.(message);
          });
        run(here).then(() => {
          this.inside = inside;
          this.waiting.splice(0).forEach((data) => this.postMessage(data));
        });
      };
      document.body ? load() : addEventListener("DOMContentLoaded", load);
    }
    postMessage(data) {
      if (!this.inside) this.waiting.push(data);
      else setTimeout(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
