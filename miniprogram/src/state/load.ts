// A page that shows something from the service: waiting, shown, or a sentence why not. Signs the way to the first use where it is due.

import { ref, type Ref } from "vue";
import { Problem } from "@/service/request";
import { app, setMember } from "./app";

export interface Loaded<T> { value: Ref<T | null>; complaint: Ref<string>; load: () => Promise<void> }

export function loading<T>(fetch: () => Promise<T>): Loaded<T> {
  const value = ref(null) as Ref<T | null>;
  const complaint = ref("");
  const load = async () => {
    if (!app.member) return toStart();
    try {
      value.value = await fetch();
      complaint.value = "";
    } catch (error) {
      if (leadsToStart(error)) return toStart();
      complaint.value = sentence(error);
    }
  };
  return { value, complaint, load };
}

/** What to show for an error; anything but a Problem is a fault of our own and is thrown on. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) return error.message;
  throw error;
}

function leadsToStart(error: unknown): boolean {
  if (!(error instanceof Problem) || (error.status !== 401 && error.code !== "not_bound")) return false;
  setMember(null);
  return true;
}

export const toStart = (): void => {
  uni.reLaunch({ url: "/pages/start/start" });
};

export const go = (page: string, query = ""): void => {
  uni.navigateTo({ url: `/pages/${page}/${page}${query}` });
};
