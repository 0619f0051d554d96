// What others did to one's own record (a question withdrawn): told once, until the member has said that it was seen.

import { call } from "@/service/session";
import { load, save } from "@/service/store";
import type { Page } from "@/service/types";
import { app } from "./app";

export interface Notice { id: number; kind: string; at: string; title: string; text: string }

const seen = (): string => `seen.${app.member?.id ?? 0}`;

/** Those that this phone has not shown yet, newest first. Throws Problem. */
export async function newNotices(): Promise<Notice[]> {
  const last = load<number>(seen()) ?? 0;
  return (await call<Page<Notice>>("GET", "/me/notices")).items.filter(({ id }) => id > last);
}

export const markSeen = (notices: Notice[]): void => save(seen(), Math.max(...notices.map(({ id }) => id)));
