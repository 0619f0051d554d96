import { describe, expect, test } from "vitest";
import {
  answered, answerStep, answerWords, checkInStep, fresh, joined, markedRead, nextQuestion, placeWords, readingStep, readThrough, reopened, stageOf, unread, withResults,
} from "@/logic/day";
import { DAY, QUESTIONS, receipt, resultFor, task } from "../people";

const ON_THE_DAY = new Date(`${DAY}T09:00:00+08:00`);
const NEXT_DAY = new Date("2026-03-03T00:10:00+08:00");
const all = QUESTIONS.reduce((day, question) => answered(day, { question: question.id, choice: ["A"] }), readThrough(fresh(task()), [1, 2, 3]));

describe("the state of a task", () => {
  test("it goes from reading to questions to the button, to waiting, to done", () => {
    const one = task();
    const day = fresh(one);
    expect(stageOf(one, day)).toBe("read");
    expect(stageOf(one, markedRead(day, [1, 2]))).toBe("read");
    expect(stageOf(one, readThrough(day, [1, 2, 3]))).toBe("ask");
    expect(stageOf(one, all)).toBe("finish");
    expect(stageOf(one, { ...all, finished: true })).toBe("waiting");
    expect(stageOf(one, { ...all, finished: true, receipt: receipt([]) })).toBe("done");
  });

  test("a day that the service has is done, whatever the phone knows", () => {
    const one = task();
    expect(stageOf({ ...one, progress: { ...one.progress, checked_in: true } }, fresh(one))).toBe("done");
  });

  test("a task without questions goes from reading to the button", () => {
    const one = task({ questions: [] });
    expect(stageOf(one, readThrough(fresh(one), [1, 2, 3]))).toBe("finish");
  });

  test("passages that are marked on the way do not turn the page: that is the member's to say", () => {
    expect(stageOf(task(), markedRead(fresh(task()), [1, 2, 3]))).toBe("read");
  });

  test("what the service has marked as read is read here too, and nothing is unread again", () => {
    const one = task();
    one.passages[1].read = true;
    const day = joined(markedRead(fresh(one), [1]), one);
    expect(unread(one, day)).toEqual([3]);
    expect(joined(day, task())).toEqual(day);
  });

  test("the first answer to a question stands", () => {
    const twice = answered(answered(fresh(task()), { question: 11, choice: ["A"] }), { question: 11, choice: ["B"] });
    expect(twice.answers).toEqual([{ question: 11, choice: ["A"] }]);
    expect(nextQuestion(task(), twice)).toBe(1);
  });

  test("a result that comes twice is one result", () => {
    const day = withResults(withResults(all, [resultFor(11, ["A"])]), [resultFor(11, ["A"])]);
    expect(day.results).toHaveLength(1);
  });

  test("refused as incomplete, the day asks for what is missing and for nothing else", () => {
    const day = reopened({ ...all, finished: true }, { passages: [2], questions: [13] });
    expect(stageOf(task(), day)).toBe("read");
    expect(nextQuestion(task(), markedRead(day, [2]))).toBe(2);
  });
});

describe("the steps", () => {
  test("each goes to its own address with its own key", () => {
    const day = fresh(task());
    expect(readingStep(day, [1, 2], "k1", ON_THE_DAY)).toMatchObject({ key: "k1", path: "/tasks/7/readings", body: { passages: [1, 2] } });
    expect(answerStep(day, { question: 14, text: "二十" }, "k2", ON_THE_DAY)).toMatchObject({
      key: "k2", path: "/tasks/7/answers", body: { answers: [{ question: 14, text: "二十" }] },
    });
  });

  test("a check-in finished on its day says so, one made up says nothing", () => {
    expect(checkInStep(all, "k", ON_THE_DAY).body).toEqual({ passages: [1, 2, 3], studied_on: DAY });
    expect(checkInStep(all, "k", NEXT_DAY).body).toEqual({ passages: [1, 2, 3] });
  });

  test("the day is Shanghai's, wherever the phone is", () => {
    const lateInNewYork = new Date("2026-03-01T20:00:00-05:00");
    expect(checkInStep(all, "k", lateInNewYork).body).toMatchObject({ studied_on: DAY });
  });

  test("own words go along only where there are any", () => {
    expect(checkInStep({ ...all, words: "  " }, "k", NEXT_DAY).body).not.toHaveProperty("reflection");
    expect(checkInStep({ ...all, words: " 有收获 " }, "k", NEXT_DAY).body).toMatchObject({ reflection: "有收获" });
  });
});

describe("answers in words", () => {
  test("letters bring their text, true and false are 对 and 错, a blank has its texts", () => {
    expect(answerWords(QUESTIONS[2], ["A", "C"])).toBe("A. 选项A；C. 选项C");
    expect(answerWords(QUESTIONS[1], ["false"])).toBe("错");
    expect(answerWords(QUESTIONS[3], ["二十", "20"])).toBe("二十 或 20");
  });

  test("the place is the title and the words to look for", () => {
    expect(placeWords(resultFor(11, ["A"]))).toBe("序言 · “三个务必”处");
  });
});
