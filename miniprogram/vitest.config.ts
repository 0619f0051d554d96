import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type Plugin } from "vitest/config";

/** What uni-app's own compiler does first: keeps the parts that are for a browser, drops those for WeChat alone. */
const forBrowser: Plugin = {
  name: "for-browser",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("/src/")) return undefined;
    return code.replace(/(?:\/\/|<!--) #(ifdef|ifndef) (\S+)[^\n]*\n([\s\S]*?)(?:\/\/|<!--) #endif[^\n]*\n/g, (_all, how, platform, part) =>
      (how === "ifdef") === (platform === "H5") ? part : "");
  },
};

export default defineConfig({
  plugins: [forBrowser, vue({ template: { compilerOptions: { isCustomElement: (tag) => ["view", "text", "picker"].includes(tag) } } })],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  test: { environment: "jsdom", include: ["tests/logic/**/*.test.ts", "tests/pages/**/*.test.ts"], setupFiles: ["tests/setup.ts"] },
});
