// One request to the service. A reply of any status is a Reply; no reply at all is status 0.

import type { ProblemDocument } from "./types";

export const BASE: string = import.meta.env.VITE_API_BASE ?? "";
export const PREFIX = "/api/v1";
const TIMEOUT_MS = 15_000;

export interface Reply { status: number; body: unknown; retryAfterS: number }

export interface Sent { body?: object; token?: string | null; key?: string; fresh?: boolean }

export type Method = "GET" | "POST" | "PUT" | "DELETE" | "PATCH";

/** Never throws. `fresh`: what another process of the service wrote a moment ago must be seen. */
export function send(method: Method, path: string, sent: Sent = {}): Promise<Reply> {
  const header: Record<string, string> = {};
  if (sent.body) header["Content-Type"] = "application/json";
  if (sent.token) header.Authorization = `Bearer ${sent.token}`;
  if (sent.key) header["Idempotency-Key"] = sent.key;
  if (sent.fresh) header["Cache-Control"] = "no-cache";
  return new Promise((resolve) => {
    uni.request({
      url: BASE + path,
      method: method as UniApp.RequestOptions["method"],
      header,
      // A string goes out as it is: DELETE and PATCH carry a body, GET none.
      data: sent.body ? JSON.stringify(sent.body) : undefined,
      timeout: TIMEOUT_MS,
      success: (reply) => resolve({ status: reply.statusCode, body: readable(reply.data), retryAfterS: retryAfter(reply.header) }),
      fail: () => resolve({ status: 0, body: null, retryAfterS: 0 }),
    });
  });
}

/** WeChat parses application/json alone, not application/problem+json. */
function readable(data: unknown): unknown {
  if (typeof data !== "string" || !/^\s*[[{]/.test(data)) return data;
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

function retryAfter(headers: unknown): number {
  const found = Object.entries((headers ?? {}) as Record<string, string>).find(([name]) => name.toLowerCase() === "retry-after");
  return Number(found?.[1]) || 0;
}

/** A refusal, or no reply: `message` is the Chinese sentence to show, `code` the word to branch on, "offline" without a network. */
export class Problem extends Error {
  readonly code: string;

  constructor(readonly status: number, readonly document: ProblemDocument) {
    super([document.detail, ...(document.errors ?? []).map((fault) => fault.message)].filter(Boolean).join(" "));
    this.code = document.code ?? "";
  }

  static of(reply: Reply): Problem {
    if (reply.status === 0) return new Problem(0, { code: "offline", detail: "网络不通，请检查后再试。" });
    const document = reply.body && typeof reply.body === "object" ? (reply.body as ProblemDocument) : {};
    return new Problem(reply.status, { ...document, detail: document.detail ?? "服务没有正常应答，请稍后再试。" });
  }
}
