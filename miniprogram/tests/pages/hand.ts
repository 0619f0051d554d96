// A page under a finger: opened at a new start of the app, tapped by what it shows, written into by label.

import { vi } from "vitest";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { hooks, net, storage, type Answer, type Asked } from "../setup";
import { ANMIN } from "../people";

/** 安敏's phone, before a service that answers these and nothing else. */
export function phoneOf(answers: Record<string, (asked: Asked) => Answer>): void {
  storage.set("daka.session", JSON.stringify(ANMIN));
  storage.set("daka.consented.5", "true");
  net.answer = (one) => answers[`${one.method} ${one.path.replace("/api/v1", "")}`]?.(one) ?? { status: 404, body: { detail: "没有找到。" } };
}

export const page = (items: unknown[]): Answer => ({ status: 200, body: { items, next: null } });

/** Every module anew, nothing but the storage from before; `query`: what the app was opened with. */
export async function open(name: string, query: Record<string, string> = {}): Promise<Hand> {
  vi.resetModules();
  for (const hook of Object.keys(hooks)) delete hooks[hook];
  (await import("@/state/app")).restore();
  (await import("@/state/launch")).noteLaunch(query);
  return new Hand(await shown(name));
}

/** Another page of the same start. */
export async function follow(name: string): Promise<Hand> {
  for (const hook of Object.keys(hooks)) delete hooks[hook];
  return new Hand(await shown(name));
}

const pages = import.meta.glob<{ default: object }>("../../src/{pages/*,components}/*.vue");

async function shown(name: string): Promise<VueWrapper> {
  const path = name[0] === name[0].toUpperCase() ? `components/${name}` : `pages/${name}/${name}`;
  const wrapper = mount((await pages[`../../src/${path}.vue`]()).default);
  for (const hook of [...(hooks.load ?? []), ...(hooks.show ?? [])]) await hook();
  await flushPromises();
  return wrapper;
}

export class Hand {
  constructor(readonly wrapper: VueWrapper) {}

  get text(): string {
    return this.wrapper.text();
  }

  async tap(text: string): Promise<void> {
    const found = this.wrapper.findAll("[role=button], [role=radio]").filter((one) => one.text() === text);
    if (found.length !== 1) throw new Error(`${found.length} of “${text}” in: ${this.text}`);
    await found[0].trigger("click");
    await flushPromises();
  }

  async write(text: string): Promise<void> {
    await this.wrapper.find("textarea").trigger("input", { detail: { value: text } });
  }
}
