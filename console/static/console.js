/* Dialogs that ask before a write, and the tables that a press of Ctrl+P should print whole. Without it every page still works. */
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog").close();
  if (event.target.closest("[data-prints]")) window.print();
});

// A second press of a button that has sent its form does nothing: people press twice when a page is slow. A form that answers with a
// file to save (data-saves) leaves the page standing, and may be sent again.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post" && !event.target.matches("[hx-post], [data-saves]")) event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A choice that shows something else at once; without script its form has a button.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]") && event.target.value !== "own") event.target.form.requestSubmit();
});
