import { createSSRApp } from "vue";
import App from "./App.vue";
// #ifdef H5
import { helpHands } from "@/service/browser";

helpHands();
// #endif

export function createApp() {
  return { app: createSSRApp(App) };
}
