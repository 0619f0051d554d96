// WeChat's prompt for one reminder. In a browser the demo's sandbox plays WeChat; elsewhere there is none.

// #ifdef H5
import { send } from "./request";
import { load } from "./store";
// #endif

/** What the person answered, template → accept, reject, ban or filter; null where nothing was asked. */
export async function askForGrant(templates: string[]): Promise<Record<string, string> | null> {
  // #ifdef H5
  const results: Record<string, string> = {};
  for (const template_id of templates) {
    const reply = await send("POST", "/sandbox/control/subscribe", { body: { openid: load<string>("openid") ?? "", template_id, accept: true } });
    if (reply.status === 200) results[template_id] = (reply.body as { errcode?: number }).errcode ? "reject" : "accept";
  }
  return Object.keys(results).length ? results : null;
  // #endif
  // #ifndef H5
  return new Promise((resolve) => {
    uni.requestSubscribeMessage({
      tmplIds: templates,
      success: (given) => resolve(Object.fromEntries(Object.entries(given as unknown as Record<string, string>).filter(([name]) => templates.includes(name)))),
      fail: () => resolve(null),
    });
  });
  // #endif
}
