// Search and filters of the dashboard's first page; without script the whole list is there.
(function () {
  var table = document.getElementById("entries"), place = document.getElementById("search");
  if (!table || !place) return;
  var rows = Array.from(table.tBodies[0].rows), count = document.getElementById("count");
  function labelled(text, control) {
    var label = document.createElement("label");
    label.className = "filter";
    label.textContent = text + " ";
    label.appendChild(control);
    place.appendChild(label);
    place.appendChild(document.createTextNode(" "));
    return control;
  }
  function choices(text, name) {
    var select = document.createElement("select"), values = [];
    rows.forEach(function (row) {
      if (row.dataset[name] && values.indexOf(row.dataset[name]) < 0) values.push(row.dataset[name]);
    });
    ["all"].concat(values.sort()).forEach(function (value) {
      var option = document.createElement("option");
      option.textContent = value;
      select.appendChild(option);
    });
    select.addEventListener("change", show);
    return labelled(text, select);
  }
  var box = document.createElement("input");
  box.type = "search";
  box.addEventListener("input", show);
  labelled("Search", box);
  var kind = choices("Kind", "kind"), where = choices("District", "where");
  function show() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = words.every(function (word) { return text.indexOf(word) >= 0; });
      fits = fits && (kind.value === "all" || row.dataset.kind === kind.value);
      fits = fits && (where.value === "all" || row.dataset.where === where.value);
      row.hidden = !fits;
      if (fits) shown += 1;
    });
    count.textContent = shown + (shown === 1 ? " entry" : " entries");
  }
})();
