// Building elements. Text goes in as text: no part of a page is ever made from a string of HTML.

/** An element: h("p", {class: "soft", onclick: f}, "text", child, null). False and null attributes and children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const button = (label, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, label);

/** A link to an official page elsewhere, in a tab of its own; null unless the address is plain http(s). */
export function outside(address, label) {
  return /^https?:\/\//i.test(address || "") ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label) : null;
}

/** A share from 0 to 1 as a figure and a bar; "—" without one. */
export function rate(share) {
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
  bar.firstChild.style.width = `${(share || 0) * 100}%`;
  return h("span", { class: "rate" }, h("span", {}, share === null ? "—" : `${Math.round(share * 1000) / 10}%`), bar);
}

const WEEKDAYS = "日一二三四五六";

/** "2023-02-23" → 2月23日 星期四. The day is Shanghai's and is never moved to the phone's own zone. */
export function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  return `${month}月${date}日 星期${WEEKDAYS[new Date(Date.UTC(year, month - 1, date)).getUTCDay()]}`;
}

/** "2023-02-23T08:05:00+08:00" → 08:05 */
export const hour = (instant) => instant.slice(11, 16);
