"use strict";
(function () {
  const form = document.getElementById("packet");
  const state = document.getElementById("state");
  const wrong = document.getElementById("wrong");
  let unsaved = false;

  function chosen(item, name) {
    const found = item.querySelector('input[data-name="' + name + '"]:checked');
    return found ? found.value : "";
  }

  function answers() {
    return Array.from(form.querySelectorAll("article[data-item]")).map(function (item) {
      const checklist = {};
      item.querySelectorAll("[data-entry]").forEach(function (entry) {
        const value = chosen(item, "entry-" + entry.dataset.entry);
        if (value) { checklist[entry.dataset.entry] = value === "yes"; }
      });
      const of100 = item.querySelector('[data-name="of100"]').value.trim();
      return {
        item: item.dataset.item,
        version: Number(item.dataset.version),
        hash: item.dataset.hash,
        verdict: chosen(item, "verdict"),
        checklist: checklist,
        of100: of100 === "" ? null : Number(of100),
        comment: item.querySelector('[data-name="comment"]').value
      };
    });
  }

  function problems(all) {
    const found = [];
    all.forEach(function (a) {
      const no = Object.values(a.checklist).includes(false);
      if (a.verdict === "approve" && no) { found.push(a.item + ": a question is answered with no, so it cannot be approved."); }
      if (a.verdict === "change" && !a.comment.trim()) { found.push(a.item + ": say in the comment what should change."); }
      if (a.of100 !== null && !(a.of100 >= 0 && a.of100 <= 100)) { found.push(a.item + ": the number of students is from 0 to 100."); }
      if (!a.verdict && (a.of100 !== null || Object.keys(a.checklist).length)) { found.push(a.item + ": no verdict yet."); }
    });
    return found;
  }

  function show() {
    const all = answers();
    const done = all.filter(function (a) { return a.verdict; }).length;
    state.textContent = done + " of " + all.length + " items have a verdict." + (unsaved ? " Not saved yet." : "");
    return all;
  }

  form.addEventListener("input", function () { unsaved = true; show(); });
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    const all = answers();
    const found = problems(all);
    wrong.replaceChildren.apply(wrong, found.map(function (text) {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }));
    wrong.hidden = found.length === 0;
    const saved = { format: form.dataset.format, person: form.dataset.person, made: form.dataset.made, reviews: all };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(saved, null, 1)], { type: "application/json" }));
    link.download = form.dataset.file;
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
    show();
    state.textContent += " Saved as " + form.dataset.file + (found.length ? "; mend what is listed and save again." : ".");
  });

  document.getElementById("continue").addEventListener("change", function (event) {
    const file = event.target.files[0];
    if (!file) { return; }
    file.text().then(function (text) {
      const saved = JSON.parse(text);
      if (saved.format !== form.dataset.format || saved.person !== form.dataset.person) { throw new Error("other"); }
      saved.reviews.forEach(function (a) {
        const item = Array.from(form.querySelectorAll("article[data-item]")).find(function (i) {
          return i.dataset.item === a.item && i.dataset.hash === a.hash;
        });
        if (!item) { return; }
        Object.keys(a.checklist).forEach(function (entry) {
          item.querySelectorAll('input[data-name="entry-' + entry + '"]').forEach(function (input) {
            input.checked = input.value === (a.checklist[entry] ? "yes" : "no");
          });
        });
        item.querySelectorAll('input[data-name="verdict"]').forEach(function (input) { input.checked = input.value === a.verdict; });
        item.querySelector('[data-name="of100"]').value = a.of100 === null ? "" : a.of100;
        item.querySelector('[data-name="comment"]').value = a.comment;
      });
      show();
    }).catch(function () { state.textContent = "That file was not saved from this packet."; });
  });
  window.addEventListener("beforeunload", function (event) { if (unsaved) { event.preventDefault(); } });
  document.getElementById("save").disabled = false;
  show();
})();
