"use strict";
// Comfort only: without it the page says the same.
(() => {
  const data = JSON.parse(document.querySelector('script[type="application/json"]').textContent);

  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      // Where a browser keeps the clipboard from files, the command is at least selected.
      getSelection().selectAllChildren(code);
      button.textContent = "selected";
      setTimeout(() => { button.textContent = "copy"; }, 2000);
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    });
  }

  for (const button of document.querySelectorAll("button.save")) {
    button.addEventListener("click", () => {
      const text = document.getElementById(button.dataset.from).textContent;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = button.dataset.name.replace(/[^\w.-]+/g, "-");
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  // What a link leads to may be folded away.
  const unfold = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();

  // A hair over a figure tells the moment, and the requests that were under way.
  const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(1) + " s";
  const tell = (attempt) => attempt.kind + (attempt.ok ? " " : " failed after ")
    + Math.round((attempt.ended - attempt.begun) * 1000) + " ms"
    + (attempt.ok ? "" : " (" + attempt.error + ")");
  for (const scroll of document.querySelectorAll(".scroll[data-drill]")) {
    const plot = scroll.querySelector("svg");
    const drill = data.drills ? data.drills[Number(scroll.dataset.drill.slice(1))] : data;
    const zero = drill.injected ?? drill.began;
    const readout = scroll.parentElement.querySelector(".readout");
    const [left, right, begin, end] = ["left", "right", "begin", "end"].map((name) => Number(plot.dataset[name]));
    const hair = document.createElementNS(plot.namespaceURI, "line");
    hair.setAttribute("class", "hair");
    hair.setAttribute("y2", plot.viewBox.baseVal.height);
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * plot.viewBox.baseVal.width;
      if (x < left || x > right) return;
      const at = begin + (x - left) / (right - left) * (end - begin);
      hair.setAttribute("x1", x);
      hair.setAttribute("x2", x);
      plot.append(hair);
      const under = ["probe", "write"].map((kind) => drill.attempts?.findLast((attempt) =>
        attempt.kind === kind && attempt.wall - (attempt.ended - attempt.begun) <= zero + at));
      readout.textContent = [signed(at), ...under.filter(Boolean).map(tell)].join(" · ");
    });
    plot.addEventListener("pointerleave", () => { hair.remove(); readout.textContent = ""; });
  }
})();
