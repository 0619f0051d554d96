// In a browser alone: what uni-app leaves out for people who use a keyboard or a screen reader.

const PRESSED = /^(button|checkbox|tab)$/;

/** What looks like a button answers to the keyboard like one. */
function answerToKeys(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if ((event.key !== "Enter" && event.key !== " ") || !PRESSED.test(target.getAttribute("role") ?? "")) return;
  event.preventDefault();
  target.click();
}

/** The bar at the foot is made by uni-app, of nameless boxes and pictures. */
function nameTabs(): void {
  for (const picture of document.querySelectorAll(".uni-tabbar img:not([alt])")) picture.setAttribute("alt", "");
  for (const tab of document.querySelectorAll(".uni-tabbar__item:not([role])")) {
    tab.setAttribute("role", "button");
    tab.setAttribute("tabindex", "0");
  }
}

export function helpHands(): void {
  document.addEventListener("keydown", answerToKeys);
  new MutationObserver(nameTabs).observe(document.body, { childList: true, subtree: true });
}
