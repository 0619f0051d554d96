// What every page looks at: who is signed in, how large the type is, whether there is a network, what waits to be sent.

import { reactive } from "vue";
import { forget as forgetSession, session } from "@/service/session";
import { drop, load, names, save } from "@/service/store";
import type { Member } from "@/service/types";

export type Size = "standard" | "large" | "largest";

export const SIZES: { size: Size; name: string; k: number }[] = [
  { size: "standard", name: "标准", k: 1 },
  { size: "large", name: "大字", k: 1.2 },
  { size: "largest", name: "特大", k: 1.45 },
];

export interface Refusal { key: string; date: string; what: string; why: string }

export const app = reactive({
  member: null as Member | null,
  consented: false,
  size: "standard" as Size,
  online: true,
  waiting: 0,
  refusals: [] as Refusal[],
  toast: "",
});

/** Starts from WeChat's own setting (a browser has none) until the member has chosen here. */
export function startSize(): Size {
  const chosen = load<Size>("size");
  if (chosen && SIZES.some(({ size }) => size === chosen)) return chosen;
  const scale = (uni.getAppBaseInfo() as { fontSizeScaleFactor?: number }).fontSizeScaleFactor ?? 1;
  return scale >= 1.35 ? "largest" : scale > 1.05 ? "large" : "standard";
}

export function chooseSize(size: Size): void {
  app.size = size;
  save("size", size);
}

export const scaleOf = (size: Size): number => SIZES.find((one) => one.size === size)?.k ?? 1;

/** Takes over what the phone has kept. */
export function restore(): void {
  app.size = startSize();
  app.member = session()?.member ?? null;
  app.consented = app.member !== null && load<boolean>(`consented.${app.member.id}`) === true;
}

export function setMember(member: Member | null): void {
  app.member = member;
  app.consented = member !== null && load<boolean>(`consented.${member.id}`) === true;
}

export function setConsented(given: boolean): void {
  app.consented = given;
  if (app.member) save(`consented.${app.member.id}`, given);
}

/** Signed out: the session goes, what waits to be sent stays for the next sign-in. `everything`: nothing of the member stays. */
export function leave(everything = false): void {
  const id = app.member?.id;
  forgetSession();
  if (everything && id !== undefined) for (const name of names("").filter((one) => one.split(".")[1] === String(id))) drop(name);
  setMember(null);
  app.waiting = 0;
  app.refusals = [];
}

let toastTimer: ReturnType<typeof setTimeout> | undefined;

/** A short word at the foot of the page; it also stays readable for a screen reader. */
export function say(text: string): void {
  app.toast = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (app.toast = ""), 4000);
}
