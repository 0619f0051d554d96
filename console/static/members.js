// One tick for all of a name on this page. Without it each is ticked alone.
document.addEventListener("change", (event) => {
  const name = event.target.dataset.ticks;
  if (name) for (const box of event.target.form.querySelectorAll(`input[name="${name}"]`)) box.checked = event.target.checked;
});
