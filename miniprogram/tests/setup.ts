// A phone for the tests: uni-app's own calls with storage in memory and a network that each test lays.

import { vi } from "vitest";
import { config } from "@vue/test-utils";

export interface Asked { method: string; path: string; body: unknown; header: Record<string, string> }
export type Answer = { status: number; body?: unknown } | null;

export const storage = new Map<string, string>();
export const asked: Asked[] = [];
/** How the service answers; null: the network is away. */
export const net: { answer: (asked: Asked) => Answer } = { answer: () => null };
export const went: string[] = [];
/** The hooks of the page under test, by name, to be called as the framework would. */
export const hooks: Record<string, ((...given: never[]) => unknown)[]> = {};

export function reset(): void {
  storage.clear();
  asked.length = 0;
  went.length = 0;
  for (const name of Object.keys(hooks)) delete hooks[name];
  net.answer = () => null;
}

const uni = {
  getStorageSync: (key: string) => storage.get(key) ?? "",
  setStorageSync: (key: string, value: string) => void storage.set(key, value),
  removeStorageSync: (key: string) => void storage.delete(key),
  getStorageInfoSync: () => ({ keys: [...storage.keys()] }),
  request(options: { url: string; method: string; data?: string; header: Record<string, string>; success(reply: object): void; fail(): void }) {
    const one = { method: options.method, path: options.url, body: options.data ? JSON.parse(options.data) : undefined, header: options.header };
    asked.push(one);
    // Like a network: the answer comes later, as the service would answer then.
    queueMicrotask(() => {
      const answer = net.answer(one);
      if (answer) options.success({ statusCode: answer.status, data: answer.body ?? {}, header: {} });
      else options.fail();
    });
  },
  getAppBaseInfo: () => ({}),
  navigateTo: ({ url }: { url: string }) => void went.push(url),
  reLaunch: ({ url }: { url: string }) => void went.push(url),
  switchTab: ({ url }: { url: string }) => void went.push(url),
  pageScrollTo: () => undefined,
  stopPullDownRefresh: () => undefined,
};
vi.stubGlobal("uni", uni);

const hook = (name: string) => (call: (...given: never[]) => unknown) => void (hooks[name] ??= []).push(call);
vi.mock("@dcloudio/uni-app", () => ({
  onShow: hook("show"), onLoad: hook("load"), onHide: hook("hide"), onLaunch: hook("launch"), onPullDownRefresh: hook("pull"),
}));

config.global.config.compilerOptions = { isCustomElement: (tag: string) => ["view", "text", "picker"].includes(tag) };
