// Fills the places of the parts that take longer, each as soon as it is there.
"use strict";
for (const place of document.querySelectorAll("[data-part]")) {
  fetch(place.dataset.part)
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`${answer.status}`))))
    .then((html) => { place.innerHTML = html; })
    .catch(() => { place.textContent = "This part cannot be shown now: load the page again."; });
}
