// Asks the admin API, for each part of the page at most once at a time, and no more often than a tenth of the time.

const PATIENCE_MS = 400;
const SHARE = 10;

export async function ask(path, query) {
  const wanted = new URLSearchParams(Object.entries(query || {}).filter(([, value]) => value));
  const answer = await fetch(`/api/v1/${path}?${wanted}`, { cache: "no-store", credentials: "omit" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error || `status ${answer.status}`);
  return found;
}

export class Part {
  constructor(draw) {
    this.draw = draw;
    this.isDue = false;
    this.isBusy = false;
    this.restUntil = 0;
  }

  // Soon: what comes with it is drawn with it.
  due(waitMs = PATIENCE_MS) {
    this.isDue = true;
    if (this.isBusy) return;
    this.isBusy = true;
    setTimeout(() => this.work(), Math.max(waitMs, this.restUntil - performance.now()));
  }

  async work() {
    this.isDue = false;
    const begun = performance.now();
    try {
      await this.draw();
    } catch (error) {
      console.info(`not drawn: ${error.message}`);
      this.isDue = true;
    }
    this.restUntil = performance.now() + SHARE * (performance.now() - begun);
    this.isBusy = false;
    if (this.isDue) this.due(2000);
  }
}
