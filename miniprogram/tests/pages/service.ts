// The service as the pages meet it, in memory: the same rules in small, so that nothing is counted twice.

import { asked, net, storage, type Answer, type Asked } from "../setup";
import { ANMIN, DAY, receipt, resultFor, task } from "../people";
import type { Receipt, Result, Task } from "@/service/types";

export class Service {
  task: Task = task();
  consented = true;
  online = true;
  firsts = new Map<number, Result>();
  read = new Set<number>();
  checkIns: { key: string; receipt: Receipt }[] = [];

  constructor() {
    net.answer = (one) => (this.online ? this.reply(one) : null);
    storage.set("daka.session", JSON.stringify(ANMIN));
    storage.set("daka.consented.5", "true");
  }

  private reply({ method, path, body, header }: Asked): Answer {
    const to = `${method} ${path.replace("/api/v1", "")}`;
    if (to.startsWith("GET /tasks/")) return { status: 200, body: to.endsWith("today") ? { date: DAY, task: this.task, next_date: null } : this.task };
    if (to === "GET /me/progress") return { status: 200, body: { steadiness: 93 } };
    if (method === "POST" && !this.consented) return { status: 403, body: { code: "consent_required", detail: "请先同意。" } };
    const given = body as { passages?: number[]; answers?: { question: number; choice?: string[]; text?: string }[] };
    for (const passage of given?.passages ?? []) this.read.add(passage);
    if (to.endsWith("/readings")) return { status: 200, body: { passages_read: this.read.size, passages_total: 3 } };
    const results = (given?.answers ?? []).map((one) => {
      if (!this.firsts.has(one.question)) this.firsts.set(one.question, resultFor(one.question, one.choice ?? [one.text ?? ""]));
      return this.firsts.get(one.question)!;
    });
    if (to.endsWith("/answers")) return { status: 200, body: { results, right: 0, total: results.length } };
    if (to.endsWith("/check-in")) return this.checkIn(header["Idempotency-Key"]);
    return { status: 404, body: { detail: "没有找到。" } };
  }

  private checkIn(key: string): Answer {
    if (this.checkIns.length) return { status: 200, body: this.checkIns[0].receipt };
    if (this.read.size < 3 || this.firsts.size < this.task.questions.length) return { status: 409, body: { code: "incomplete", detail: "还没有完成。" } };
    this.checkIns.push({ key, receipt: receipt([...this.firsts.values()]) });
    return { status: 201, body: this.checkIns[0].receipt };
  }
}

/** Paths asked for, as "POST /tasks/7/answers". */
export const calls = (): string[] => asked.map((one) => `${one.method} ${one.path.replace("/api/v1", "")}`);
