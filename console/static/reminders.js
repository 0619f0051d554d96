/* Reminders: ticking many at once, and taking a text along. Without it everybody is ticked alone and a text is marked by hand. */
const boxes = () => [...document.querySelectorAll('.choice input[name="members"]')];

function count() {
  const place = document.getElementById("picked");
  if (!place) return;
  const chosen = boxes().filter((box) => box.checked);
  place.textContent = `已选 ${chosen.length} 人，其中 ${chosen.filter((box) => "reachable" in box.dataset).length} 人能收到`;
}

async function copy(area, place) {
  try {
    await navigator.clipboard.writeText(area.value);
    place.textContent = "已复制，可以粘贴了。";
  } catch {
    // Without https, or where the browser refuses: the text is marked, and copied the old way or by hand.
    area.focus();
    area.select();
    place.textContent = document.execCommand("copy") ? "已复制，可以粘贴了。" : "已选中，请按 Ctrl+C 复制。";
  }
}

document.addEventListener("click", (event) => {
  const picks = event.target.dataset.picks;
  if (picks) {
    for (const box of boxes()) box.checked = picks === "all" || (picks === "reachable" && "reachable" in box.dataset);
    count();
  }
  const copies = event.target.dataset.copies;
  if (copies) copy(document.getElementById(copies), event.target.nextElementSibling);
});
document.addEventListener("change", (event) => {
  if (event.target.name === "members") count();
});

function unhide() {
  for (const button of document.querySelectorAll(".picks[hidden], [data-copies][hidden]")) button.hidden = false;
}
document.addEventListener("htmx:afterSwap", unhide);
unhide();
count();
