// Today's reviews, and one mistake picked to be reviewed now.

import { call } from "@/service/session";
import type { Answer, Question, Result } from "@/service/types";

export interface Due { items: { question: Question; due_on: string }[]; waiting: number; done: number }
export type Reviewed = Result & { next_on: string };

let picked: Question | null = null;

/** The mistake that was tapped comes first in the next sitting. */
export const pick = (question: Question): void => {
  picked = question;
};

/** The questions of this sitting: the picked one alone, else what is due today. */
export async function sitting(): Promise<Due> {
  if (picked) {
    const question = picked;
    picked = null;
    return { items: [{ question, due_on: "" }], waiting: 0, done: 0 };
  }
  return call<Due>("GET", "/me/reviews");
}

export function review({ question, choice, text }: Answer): Promise<Reviewed> {
  return call<Reviewed>("POST", `/me/reviews/${question}`, choice ? { choice } : { text });
}
