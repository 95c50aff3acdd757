"use strict";
// Filter, sort, and opening what a link points at. Without it the page says the same.
(function () {
  var box = document.getElementById("filter");
  var pick = document.getElementById("verdict");
  var count = document.getElementById("matching");
  function apply() {
    var text = box.value.toLowerCase(), verdict = pick.value, shown = 0;
    document.querySelectorAll("#sessions tbody tr").forEach(function (row) {
      var fits = (!verdict || row.dataset.verdict === verdict) && row.textContent.toLowerCase().indexOf(text) >= 0;
      row.hidden = !fits;
      var part = document.getElementById(row.dataset.part);
      if (part) part.hidden = !fits;
      if (fits) shown += 1;
    });
    count.textContent = shown + " shown";
  }
  if (box) { box.addEventListener("input", apply); pick.addEventListener("change", apply); }
  document.querySelectorAll("#sessions th button").forEach(function (button) {
    button.addEventListener("click", function () {
      var head = button.parentNode, index = Array.prototype.indexOf.call(head.parentNode.children, head);
      var up = head.getAttribute("aria-sort") !== "ascending";
      document.querySelectorAll("#sessions th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      var body = document.querySelector("#sessions tbody");
      Array.prototype.slice.call(body.rows).sort(function (a, b) {
        var x = a.cells[index].dataset.value, y = b.cells[index].dataset.value;
        if (x === undefined) { x = a.cells[index].textContent; y = b.cells[index].textContent; }
        var n = Number(x), m = Number(y);
        var order = isNaN(n) || isNaN(m) ? (x < y ? -1 : x > y ? 1 : 0) : n - m;
        return up ? order : -order;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
  function open() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  }
  window.addEventListener("hashchange", open);
  var before = [];
  window.addEventListener("beforeprint", function () {
    before = Array.prototype.filter.call(document.querySelectorAll("details.session"), function (one) { return !one.open; });
    if (before.length <= 20) before.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () { before.forEach(function (one) { one.open = false; }); });
  document.addEventListener("keydown", function (event) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "/" && box) { event.preventDefault(); box.focus(); return; }
    if (event.key !== "j" && event.key !== "k") return;
    var all = Array.prototype.filter.call(document.querySelectorAll("summary"), function (one) { return one.offsetParent !== null; });
    var at = all.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
    if (all[at]) all[at].focus();
  });
  open();
})();
