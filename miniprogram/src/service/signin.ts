// Where a code for POST /auth/wechat comes from: wx.login in WeChat; in a browser the sandbox's phone, which only the demo has.

import { Problem, send } from "./request";
import { load, save } from "./store";

/** A person of the demo, as the sandbox lists them. */
export interface Person { openid: string; name: string; roles: string[]; unit: string | null; bound: boolean; invite_code: string | null }

const CHOSEN = "openid";

/** Whether the demo's person has been chosen; in WeChat the phone is always its owner's. */
export function hasPhone(): boolean {
  // #ifdef H5
  return load<string>(CHOSEN) !== null;
  // #endif
  // #ifndef H5
  return true;
  // #endif
}

/** A one-time code. Throws Problem. */
export async function loginCode(): Promise<string> {
  // #ifdef H5
  const reply = await send("POST", "/sandbox/wx-login", { body: { openid: load<string>(CHOSEN) ?? "" } });
  if (reply.status !== 200) throw Problem.of(reply);
  return (reply.body as { code: string }).code;
  // #endif
  // #ifndef H5
  return new Promise((resolve, reject) => {
    uni.login({
      provider: "weixin",
      success: (done) => resolve(done.code),
      fail: () => reject(new Problem(0, { code: "offline", detail: "微信登录没有成功，请检查网络后再试。" })),
    });
  });
  // #endif
}

// #ifdef H5
/** The demo's people; null where there is no demo. Throws Problem when the network is away. */
export async function people(): Promise<Person[] | null> {
  const reply = await send("GET", "/sandbox/people");
  if (reply.status === 404) return null;
  if (reply.status !== 200) throw Problem.of(reply);
  return (reply.body as { items: Person[] }).items;
}

export const choose = (openid: string): void => save(CHOSEN, openid);
// #endif
