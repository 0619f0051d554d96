// Reminders: how many may still be sent, asking for one more, and off by one tap.

import { uuid } from "@/logic/keys";
import { askForGrant } from "@/service/prompt";
import { call } from "@/service/session";
import type { Page } from "@/service/types";

export interface Subscription { template_id: string; purpose: string; left: number; on: boolean; last: string | null }

export const subscriptions = async (): Promise<Subscription[]> => (await call<Page<Subscription>>("GET", "/me/subscriptions")).items;

/** Shows WeChat's prompt and tells the service what was answered; null when nothing was. Throws Problem. */
export async function allowOne(templates: string[]): Promise<Subscription[] | null> {
  const results = await askForGrant(templates);
  if (!results) return null;
  return (await call<Page<Subscription>>("POST", "/me/subscriptions", { prompt: uuid(), results })).items;
}

export const switchReminders = async (on: boolean): Promise<Subscription[]> =>
  (await call<Page<Subscription>>("PUT", "/me/subscriptions", { on })).items;
