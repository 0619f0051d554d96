// The outbox: finished steps wait here until the service has acknowledged them. Pure: storage and network come from outside.
// A step is in storage before anything of it is shown, and leaves it only after the reply has been put to use: an app that is
// killed in between sends it again, with the same key and the same body, and the service replays its first answer.

import type { ProblemDocument } from "@/service/types";

export type StepKind = "readings" | "answers" | "check-in";

export interface Step {
  /** Also the Idempotency-Key. */
  key: string;
  kind: StepKind;
  task: number;
  /** The task's day, to be named to a person. */
  date: string;
  path: string;
  body: object;
  /** The phone's own clock, for display only; the service decides what is on time. */
  at: string;
}

export type Outcome =
  | { kind: "done"; reply: unknown }
  | { kind: "later"; afterS: number }
  | { kind: "blocked"; why: "sign_in" | "consent" }
  | { kind: "refused"; problem: ProblemDocument };

export interface Ends {
  read(): Step[];
  write(steps: Step[]): void;
  send(step: Step): Promise<Outcome>;
  /** Called before the step leaves the queue; may be called again for the same step after a kill. */
  delivered(step: Step, reply: unknown): void;
  /** The service will never take this step: `problem` says why. Called before the step leaves the queue. */
  refused(step: Step, problem: ProblemDocument): void;
}

/** How a flush ended: nothing waits any more, or the first step that waits and why. */
export type Flushed = { kind: "empty" } | { kind: "later"; afterS: number } | { kind: "blocked"; why: "sign_in" | "consent" };

export const FIRST_WAIT_S = 5;
export const LONGEST_WAIT_S = 300;

/** What a reply means for a step. `status` 0: no reply came. */
export function judge(status: number, reply: unknown, retryAfterS = 0): Outcome {
  const problem = (reply && typeof reply === "object" ? reply : {}) as ProblemDocument;
  if (status >= 200 && status < 300) return { kind: "done", reply };
  if (status === 401) return { kind: "blocked", why: "sign_in" };
  if (status === 403 && problem.code === "consent_required") return { kind: "blocked", why: "consent" };
  if (status === 403 && problem.code === "not_bound") return { kind: "blocked", why: "sign_in" };
  if (status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429) return { kind: "refused", problem };
  return { kind: "later", afterS: retryAfterS };
}

/** Seconds until the next try after `tries` failures: 5, 10, 20 … at most 300. */
export const waitS = (tries: number, afterS = 0): number =>
  Math.max(afterS, Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** Math.max(0, tries - 1)));

export class Outbox {
  private running: Promise<Flushed> | null = null;

  constructor(private readonly ends: Ends) {}

  get waiting(): Step[] {
    return this.ends.read();
  }

  /** In storage when this returns; throws what storage throws. A task is checked in by one step alone: the first one stands. */
  add(step: Step): void {
    const steps = this.ends.read();
    if (step.kind === "check-in" && steps.some((other) => other.kind === "check-in" && other.task === step.task)) return;
    this.ends.write([...steps, step]);
  }

  /** Sends what waits, in order, one at a time, until nothing is left or one has to wait. Two calls are one run. */
  flush(): Promise<Flushed> {
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async run(): Promise<Flushed> {
    for (let step = this.ends.read()[0]; step; step = this.ends.read()[0]) {
      const outcome = await this.ends.send(step);
      if (outcome.kind === "later" || outcome.kind === "blocked") return outcome;
      if (outcome.kind === "done") this.ends.delivered(step, outcome.reply);
      else this.ends.refused(step, outcome.problem);
      this.remove(step.key);
    }
    return { kind: "empty" };
  }

  /** Reads again first: a step may have come in meanwhile, from another tab too. */
  private remove(key: string): void {
    this.ends.write(this.ends.read().filter((step) => step.key !== key));
  }
}
