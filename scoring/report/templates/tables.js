// Sorting and filtering of tables, and a word where one is wider than the screen; the page is complete without it.
function widths() {
  var es = document.documentElement.lang === "es";
  document.querySelectorAll(".scroll").forEach(function (box) {
    if (box.scrollWidth > box.clientWidth + 1) box.dataset.more = es ? "Deslice para ver más columnas \u2192" : "Swipe for more columns \u2192";
    else delete box.dataset.more;
  });
}
widths();
window.addEventListener("resize", widths);
document.querySelectorAll("details").forEach(function (part) { part.addEventListener("toggle", widths); });
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
});
// A table whose rows are laid out as lines is still a table to a screen reader.
document.querySelectorAll("table.stack").forEach(function (table) {
  var roles = {TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell"};
  [table].concat(Array.from(table.querySelectorAll("thead, tbody, tr, td, th"))).forEach(function (part) {
    part.setAttribute("role", roles[part.tagName] || (part.scope === "row" ? "rowheader" : "columnheader"));
  });
});
document.querySelectorAll("table.sortable").forEach(function (table) {
  var body = table.tBodies[0];
  table.classList.add("sorts");
  table.querySelectorAll("thead th").forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      Array.from(body.rows).sort(function (x, y) {
        var a = x.cells[column].dataset.v || x.cells[column].textContent, b = y.cells[column].dataset.v || y.cells[column].textContent;
        var na = parseFloat(a), nb = parseFloat(b);
        var order = isNaN(na) || isNaN(nb) ? a.localeCompare(b) : na - nb;
        return down ? -order : order;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
document.querySelectorAll("table[data-filter]").forEach(function (table) {
  var column = Number(table.dataset.filter), values = [];
  Array.from(table.tBodies[0].rows).forEach(function (row) {
    var text = row.cells[column].textContent;
    if (values.indexOf(text) < 0) values.push(text);
  });
  if (values.length < 2) return;
  var label = document.createElement("label"), select = document.createElement("select");
  label.className = "filter";
  label.textContent = "Show concept ";
  ["all"].concat(values).forEach(function (text) {
    var option = document.createElement("option");
    option.textContent = text;
    select.appendChild(option);
  });
  label.appendChild(select);
  select.addEventListener("change", function () {
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      row.hidden = select.value !== "all" && row.cells[column].textContent !== select.value;
    });
  });
  table.parentNode.insertBefore(label, table);
});
// A row that is clicked says in the line under its table how to ask where its numbers come from.
document.querySelectorAll("p.why").forEach(function (line) {
  var box = line.previousElementSibling, words = line.querySelectorAll("span"), code = line.querySelector("code");
  box.querySelectorAll("tr[data-why]").forEach(function (row) {
    row.addEventListener("click", function () {
      code.textContent = "itembank why " + row.dataset.why;
      words[0].textContent = "Where “" + row.cells[0].textContent + "” comes from: ";
      words[1].textContent = "";
    });
  });
});
