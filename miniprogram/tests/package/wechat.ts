// WeChat as far as the built package needs it here: its globals, a phone's storage, and a network that reaches the real service.

import { createRequire } from "node:module";
import { resolve } from "node:path";

export const PACKAGE = resolve(__dirname, "../../dist/build/mp-weixin");
const SERVICE = process.env.DAKA_BASE ?? "";
const require = createRequire(import.meta.url);

type Callback = (given?: unknown) => void;
interface Options { success?: Callback; fail?: Callback; complete?: Callback }
interface RequestOptions extends Options { url: string; method: string; data?: string; header: Record<string, string> }

export const storage = new Map<string, unknown>();
export const went: string[] = [];
export const phone = { openid: "", online: true };

async function request(options: RequestOptions): Promise<void> {
  try {
    if (!phone.online) throw new TypeError("no network");
    const reply = await fetch(SERVICE + options.url, { method: options.method, headers: options.header, body: options.data });
    const text = await reply.text();
    // As in WeChat: any status is a success, and JSON is read for application/json alone.
    const data = reply.headers.get("content-type")?.startsWith("application/json") && text ? JSON.parse(text) : text;
    options.success?.({ statusCode: reply.status, data, header: Object.fromEntries(reply.headers) });
  } catch {
    options.fail?.({ errMsg: "request:fail" });
  }
  options.complete?.();
}

/** wx.login: the sandbox plays WeChat's server, the code is a real one of it. */
async function login(options: Options): Promise<void> {
  const reply = await fetch(`${SERVICE}/sandbox/wx-login`, { method: "POST", body: JSON.stringify({ openid: phone.openid }) });
  options.success?.({ code: ((await reply.json()) as { code: string }).code, errMsg: "login:ok" });
}

const goes = (options: Options & { url: string }): void => {
  went.push(options.url);
  options.success?.({});
};
const device = { platform: "ios", language: "zh_CN", windowWidth: 390, windowHeight: 844, pixelRatio: 3, SDKVersion: "3.6.0", version: "8.0.50" };

const wx = {
  request: (options: RequestOptions) => void request(options),
  login: (options: Options) => void login(options),
  getStorageSync: (key: string) => storage.get(key) ?? "",
  setStorageSync: (key: string, value: unknown) => void storage.set(key, value),
  removeStorageSync: (key: string) => void storage.delete(key),
  getStorageInfoSync: () => ({ keys: [...storage.keys()] }),
  navigateTo: goes, reLaunch: goes, switchTab: goes, redirectTo: goes,
  pageScrollTo: () => undefined,
  onNetworkStatusChange: () => undefined,
  onAppShow: () => undefined, onAppHide: () => undefined, onThemeChange: () => undefined,
  getLaunchOptionsSync: () => ({ path: "", query: {}, scene: 1001 }),
  getEnterOptionsSync: () => ({ path: "", query: {}, scene: 1001 }),
  getSystemInfoSync: () => device, getAppBaseInfo: () => ({ ...device, fontSizeScaleFactor: 1 }),
  getWindowInfo: () => device, getDeviceInfo: () => device,
  canIUse: () => true, nextTick: (call: () => void) => void Promise.resolve().then(call),
  createIntersectionObserver: () => ({ relativeToViewport: () => ({ observe: () => undefined }), disconnect: () => undefined }),
};

interface AppOptions { onLaunch?(given: object): void; onShow?(given: object): void }

const world = globalThis as unknown as Record<string, unknown>;
world.wx = wx;
let app: AppOptions | undefined;
world.App = (options: AppOptions) => void (app = options);
world.Page = () => undefined;
world.getApp = () => app;
world.getCurrentPages = () => [];

const simulate = require("miniprogram-simulate") as { load(path: string, options: object): string; render(id: string): Rendered };
const exparser = require("miniprogram-exparser") as { Event: { dispatchEvent(node: unknown, event: unknown): void; create(name: string, detail: object, options: object): unknown } };

export interface Rendered { dom: HTMLElement; instance: Record<string, (given?: object) => unknown>; attach(parent: Element): void; detach(): void }

/** A start of the app: app.js runs as WeChat would run it. */
export function launch(query: Record<string, string> = {}): void {
  require(`${PACKAGE}/app.js`);
  app?.onLaunch?.({ path: "", query, scene: 1001 });
  app?.onShow?.({ path: "", query, scene: 1001 });
}

/** Opens a built page as WeChat would: its template, its styles, its script, its life. */
export function open(page: string, query: Record<string, string> = {}): Rendered {
  const id = simulate.load(`${PACKAGE}/pages/${page}/${page}`, { rootPath: PACKAGE });
  const shown = simulate.render(id);
  shown.attach(document.body);
  shown.instance.onLoad?.(query);
  shown.instance.onShow?.();
  return shown;
}

const tidy = (text: string | null): string => (text ?? "").replace(/\s+/g, "");

/** Taps the innermost element that shows exactly this text, as a finger would: the event bubbles and crosses components. */
export function tap(page: Rendered, text: string): void {
  const fitting = [...page.dom.querySelectorAll("*")].filter((one) => tidy(one.textContent) === tidy(text));
  const target = fitting[fitting.length - 1] as (Element & { __wxElement?: unknown }) | undefined;
  if (!target) throw new Error(`no “${text}” in ${page.dom.textContent}`);
  let owner: (Element & { __wxElement?: unknown }) | null = target;
  while (owner && !owner.__wxElement) owner = owner.parentElement;
  exparser.Event.dispatchEvent(owner?.__wxElement, exparser.Event.create("tap", {}, { bubbles: true, composed: true, capturePhase: true }));
}

/** Writes into the n-th box. */
export function write(page: Rendered, index: number, value: string): void {
  const box = page.dom.querySelectorAll("wx-input, wx-textarea")[index] as Element & { __wxElement?: unknown };
  exparser.Event.dispatchEvent(box.__wxElement, exparser.Event.create("input", { value }, { bubbles: true, composed: true, capturePhase: true }));
}

/** Waits until the page shows this; a deadline of seconds, no trust in any pause. */
export async function sees(page: Rendered, text: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (tidy(page.dom.textContent).includes(tidy(text))) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`never saw “${text}” in ${page.dom.textContent}`);
}

export async function until(probe: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (probe()) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`never: ${what}`);
}
