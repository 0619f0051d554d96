// The product's HTTP interface as the phone uses it, and what stands for wx.login. Nothing here touches the page.

const KEPT = "daka.token";

// What WeChat refuses, in words for the person with the phone.
const REFUSALS = {
  20004: "接收消息的总开关已关闭，请先打开。",
  40003: "沙箱里没有这位微信用户（可能已重新启动），请换人后再试。",
  43101: "没有可用的接收次数，或已关闭接收：消息没有发出。",
};

/** An error reply (RFC 9457): `message` is the Chinese sentence to show, `code` the word to branch on, `problem` the whole document. */
export class Problem extends Error {
  constructor(status, problem) {
    const fields = (problem.errors || []).map((fault) => fault.message).filter(Boolean);
    super([problem.detail || "服务没有正常应答，请稍后再试。", ...fields].join(" "));
    this.status = status;
    this.code = problem.code || "";
    this.problem = problem;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEPT),
  set: (value) => (value ? sessionStorage.setItem(KEPT, value) : sessionStorage.removeItem(KEPT)),
};

/** One request; the reply's JSON, or null for 204. Throws Problem, also when the network is away. */
export async function ask(method, path, body, headers = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (token.get() && path.startsWith("/api/")) sent.Authorization = `Bearer ${token.get()}`;
  let response;
  try {
    response = await fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { code: "offline", detail: "网络不通，请检查后再试。" });
  }
  const reply = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, reply);
  return reply;
}

export const api = (method, path, body, headers) => ask(method, `/api/v1${path}`, body, headers);

/** A random UUID. crypto.randomUUID exists on https and localhost alone; a phone in the same network opens this page over plain http. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A lever of the sandbox, which answers HTTP 200 always: a refusal is in `errcode`. Throws Problem for it, with a sentence of our own. */
export async function wechat(method, lever, order) {
  const answer = await ask(method, `/sandbox/control/${lever}`, order);
  if (!answer.errcode) return answer;
  throw new Problem(200, { code: `wechat_${answer.errcode}`, detail: REFUSALS[answer.errcode] || `微信沙箱没有照办（${answer.errcode}）。` });
}

/** wx.login, then the product's sign-in: {token, expires_at, member or null}. */
export async function signIn(openid) {
  token.set(null);
  const { code } = await ask("POST", "/sandbox/wx-login", { openid });
  const session = await api("POST", "/auth/wechat", { code });
  token.set(session.token);
  return session;
}
