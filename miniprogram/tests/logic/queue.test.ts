import { beforeEach, describe, expect, test } from "vitest";
import { judge, LONGEST_WAIT_S, Outbox, waitS, type Outcome, type Step } from "@/logic/queue";
import { uuid } from "@/logic/keys";

const step = (key: string, over: Partial<Step> = {}): Step => ({
  key, kind: "answers", task: 1, date: "2026-03-02", path: "/tasks/1/answers", body: { answers: [] }, at: "2026-03-02T00:00:00Z", ...over,
});

/** A phone's storage and a service that remembers what it took; `send` may be replaced. */
class World {
  stored = "[]";
  sent: string[] = [];
  took = new Set<string>();
  delivered: string[] = [];
  refused: string[] = [];
  send: (step: Step) => Promise<Outcome> = async (one) => {
    this.took.add(one.key);
    return { kind: "done", reply: {} };
  };

  /** A new start of the app: nothing survives but the storage. */
  open(): Outbox {
    return new Outbox({
      read: () => JSON.parse(this.stored) as Step[],
      write: (steps) => void (this.stored = JSON.stringify(steps)),
      send: (one) => {
        this.sent.push(one.key);
        return this.send(one);
      },
      delivered: (one) => void this.delivered.push(one.key),
      refused: (one) => void this.refused.push(one.key),
    });
  }
}

let world: World;
beforeEach(() => (world = new World()));

describe("the outbox", () => {
  test("without a network everything stays, in order, over a kill of the app", async () => {
    world.send = async () => ({ kind: "later", afterS: 0 });
    const outbox = world.open();
    for (const key of ["a", "b", "c"]) outbox.add(step(key));
    expect((await outbox.flush()).kind).toBe("later");
    expect(world.sent).toEqual(["a"]);
    expect(world.open().waiting.map((one) => one.key)).toEqual(["a", "b", "c"]);
  });

  test("steps go out one after another, each only after the one before was acknowledged", async () => {
    const under = { way: 0, most: 0 };
    world.send = async () => {
      under.most = Math.max(under.most, ++under.way);
      await Promise.resolve();
      under.way--;
      return { kind: "done", reply: {} };
    };
    const outbox = world.open();
    for (const key of ["a", "b", "c"]) outbox.add(step(key));
    expect(await outbox.flush()).toEqual({ kind: "empty" });
    expect(world.sent).toEqual(["a", "b", "c"]);
    expect(world.delivered).toEqual(["a", "b", "c"]);
    expect(under.most).toBe(1);
    expect(outbox.waiting).toEqual([]);
  });

  test("two flushes at once are one", async () => {
    const outbox = world.open();
    outbox.add(step("a"));
    await Promise.all([outbox.flush(), outbox.flush(), outbox.flush()]);
    expect(world.sent).toEqual(["a"]);
  });

  test("a lost answer is asked for again with the same key and the same body", async () => {
    const bodies: string[] = [];
    let lost = true;
    world.send = async (one) => {
      bodies.push(`${one.key} ${JSON.stringify(one.body)}`);
      world.took.add(one.key);
      return lost ? { kind: "later", afterS: 0 } : { kind: "done", reply: {} };
    };
    world.open().add(step("a", { kind: "check-in", body: { passages: [1] } }));
    await world.open().flush();
    lost = false;
    await world.open().flush();
    expect(bodies).toHaveLength(2);
    expect(new Set(bodies).size).toBe(1);
    expect(world.took.size).toBe(1);
  });

  test("killed between the reply and the removal, the step is sent again and delivered again", async () => {
    const dying = new Outbox({
      read: () => JSON.parse(world.stored) as Step[],
      write: () => {
        throw new Error("killed");
      },
      send: (one) => world.send(one),
      delivered: (one) => void world.delivered.push(one.key),
      refused: () => undefined,
    });
    world.open().add(step("a"));
    await expect(dying.flush()).rejects.toThrow("killed");
    await world.open().flush();
    expect(world.delivered).toEqual(["a", "a"]);
    expect(world.open().waiting).toEqual([]);
  });

  test("a step added while another is under way is neither lost nor overtaken", async () => {
    const outbox = world.open();
    world.send = async (one) => {
      if (one.key === "a") outbox.add(step("b"));
      return { kind: "done", reply: {} };
    };
    outbox.add(step("a"));
    await outbox.flush();
    expect(world.sent).toEqual(["a", "b"]);
  });

  test("a second check-in of the same task is not added, one of another task is", () => {
    const outbox = world.open();
    outbox.add(step("a", { kind: "check-in" }));
    outbox.add(step("b", { kind: "check-in" }));
    outbox.add(step("c", { kind: "check-in", task: 2 }));
    expect(outbox.waiting.map((one) => one.key)).toEqual(["a", "c"]);
  });

  test("what the service will never take leaves the queue, is told, and holds nothing up", async () => {
    world.send = async (one) => (one.key === "a" ? { kind: "refused", problem: { code: "closed" } } : { kind: "done", reply: {} });
    const outbox = world.open();
    outbox.add(step("a"));
    outbox.add(step("b"));
    expect(await outbox.flush()).toEqual({ kind: "empty" });
    expect(world.refused).toEqual(["a"]);
    expect(world.delivered).toEqual(["b"]);
  });

  test("without consent nothing is dropped: it waits until there is one", async () => {
    world.send = async () => ({ kind: "blocked", why: "consent" });
    const outbox = world.open();
    outbox.add(step("a"));
    expect(await outbox.flush()).toEqual({ kind: "blocked", why: "consent" });
    expect(outbox.waiting).toHaveLength(1);
  });

  test("a full storage is an error at once, not a step that is quietly gone", () => {
    const full = new Outbox({
      read: () => [], write: () => { throw new Error("quota"); }, send: async () => ({ kind: "later", afterS: 0 }),
      delivered: () => undefined, refused: () => undefined,
    });
    expect(() => full.add(step("a"))).toThrow("quota");
  });
});

describe("what a reply means", () => {
  test.each([
    [0, {}, "later"], [500, {}, "later"], [503, {}, "later"], [429, {}, "later"], [408, {}, "later"],
    [401, { code: "unauthorised" }, "blocked"], [403, { code: "consent_required" }, "blocked"], [403, { code: "not_bound" }, "blocked"],
    [403, { code: "forbidden" }, "refused"], [404, {}, "refused"], [409, { code: "closed" }, "refused"], [422, {}, "refused"],
    [200, {}, "done"], [201, {}, "done"],
  ])("%i %o is %s", (status, body, kind) => {
    expect(judge(status, body).kind).toBe(kind);
  });

  test("the pause doubles up to its limit, and is never shorter than the service asks for", () => {
    expect([1, 2, 3, 4].map((tries) => waitS(tries))).toEqual([5, 10, 20, 40]);
    expect(waitS(50)).toBe(LONGEST_WAIT_S);
    expect(waitS(1, 60)).toBe(60);
  });

  test("keys are UUIDs, each another", () => {
    const keys = new Set(Array.from({ length: 500 }, () => uuid()));
    expect(keys.size).toBe(500);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
