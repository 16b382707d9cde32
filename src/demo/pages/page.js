/* What the page does better with a script; it works without. */
"use strict";

/* The address told what the last form sent. Reloading must not tell it again. */
if (location.search !== "") {
    history.replaceState(null, "", location.pathname);
}

/* The same words as the server's: at most two units. */
function spanOf(milliseconds) {
    const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const found = units.findIndex(([size]) => seconds >= size);
    const unit = found < 0 ? 3 : found;
    const [size, name] = units[unit];
    const words = Math.floor(seconds / size) + " " + name;

    if (unit === 3) {
        return words;
    }
    const [lesserSize, lesserName] = units[unit + 1];
    const lesser = Math.floor(seconds % size / lesserSize);
    return lesser > 0 ? words + " " + lesser + " " + lesserName : words;
}

/* Bars that run. They count from the server's clock, so that of the browser may be wrong. */
function runBars(meters) {
    const served = Number(meters.dataset.now);
    const loaded = performance.now();
    const bars = meters.querySelectorAll("progress[data-until]");

    function run() {
        const now = served + performance.now() - loaded;

        for (const bar of bars) {
            const left = Number(bar.dataset.until) - now;
            const words = document.getElementById(bar.dataset.left);

            bar.value = Math.max(0, left);
            words.value = left > 0 ? spanOf(left) : "now: load the page anew";
        }
    }
    run();
    setInterval(run, 500);
}

/* A part of the token that is pointed at is marked wherever it is shown. */
function markParts(part, marked) {
    for (const element of document.querySelectorAll("[data-part]")) {
        element.classList.toggle("lit", marked && element.dataset.part === part);
    }
}

for (const meters of document.querySelectorAll("[data-now]")) {
    runBars(meters);
}
for (const element of document.querySelectorAll("[data-part]")) {
    element.addEventListener("pointerenter", () => markParts(element.dataset.part, true));
    element.addEventListener("pointerleave", () => markParts(element.dataset.part, false));
}
