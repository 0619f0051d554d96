// Who is signed in. The session is kept on the phone and renewed without a word: before it ends, and when the service knows it no more.

import { PREFIX, Problem, send, type Method, type Reply, type Sent } from "./request";
import { loginCode } from "./signin";
import { drop, load, save } from "./store";
import type { SignedIn } from "./types";

const KEPT = "session";
const RENEW_BEFORE_MS = 3 * 24 * 3600 * 1000;

let renewing: Promise<SignedIn> | null = null;

export const session = (): SignedIn | null => load<SignedIn>(KEPT);
export const keep = (signedIn: SignedIn): void => save(KEPT, signedIn);
export const forget = (): void => drop(KEPT);

/** Signs in with a new code; a code that was spent is replaced once. Several calls at once are one. Throws Problem. */
export function signIn(): Promise<SignedIn> {
  renewing ??= exchange()
    .catch((error) => {
      if (error instanceof Problem && error.code === "login_again") return exchange();
      throw error;
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

async function exchange(): Promise<SignedIn> {
  const reply = await send("POST", `${PREFIX}/auth/wechat`, { body: { code: await loginCode() } });
  if (reply.status !== 200) throw Problem.of(reply);
  keep(reply.body as SignedIn);
  return reply.body as SignedIn;
}

/** Renews a session that ends within three days; keeps the old one when that does not work now. */
export async function renewInTime(now: Date = new Date()): Promise<void> {
  const kept = session();
  if (kept && Date.parse(kept.expires_at) - now.getTime() < RENEW_BEFORE_MS) await signIn().catch(() => undefined);
}

/** One request as the member, signed in anew once when the service knows the session no more. Never throws. */
export async function ask(method: Method, path: string, sent: Omit<Sent, "token"> = {}): Promise<Reply> {
  const token = session()?.token;
  const reply = token ? await send(method, PREFIX + path, { ...sent, token }) : unknown();
  if (reply.status !== 401) return reply;
  try {
    const renewed = await signIn();
    return await send(method, PREFIX + path, { ...sent, token: renewed.token });
  } catch (error) {
    // Without a network a session cannot be renewed, and nothing is lost by that.
    return error instanceof Problem && error.status === 0 ? { status: 0, body: null, retryAfterS: 0 } : reply;
  }
}

const unknown = (): Reply => ({ status: 401, body: { code: "unauthorised", detail: "请先登录。" }, retryAfterS: 0 });

/** The reply's JSON. Throws Problem. */
export async function call<T>(method: Method, path: string, body?: object, fresh = false): Promise<T> {
  const reply = await ask(method, path, { body, fresh });
  if (reply.status >= 200 && reply.status < 300) return reply.body as T;
  throw Problem.of(reply);
}
