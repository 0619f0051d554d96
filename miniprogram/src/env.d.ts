/// <reference types="vite/client" />
/// <reference types="@dcloudio/types" />

declare module "*.vue" {
  import type { DefineComponent } from "vue";
  const component: DefineComponent<object, object, unknown>;
  export default component;
}

interface ImportMetaEnv {
  /** Where the service is, e.g. https://daka.example.cn; empty in h5, which comes from the service itself. */
  readonly VITE_API_BASE?: string;
}

/** WeChat's own object, where uni-app has no name for a thing. */
declare const wx: {
  requirePrivacyAuthorize(options: { success(): void; fail(error: unknown): void }): void;
};
