// 听读: the device's own voice. Browsers may have one; WeChat offers mini-programs none of its own.

import { ref } from "vue";

/** true once a Chinese voice has been found. */
export const hasVoice = ref(false);
/** The passage that is being read aloud, 0 for none. */
export const speaking = ref(0);

// #ifdef H5
const synthesis: SpeechSynthesis | undefined = typeof window === "undefined" ? undefined : window.speechSynthesis;
const look = () => {
  hasVoice.value = (synthesis?.getVoices() ?? []).some((voice) => voice.lang.toLowerCase().startsWith("zh"));
};
look();
synthesis?.addEventListener?.("voiceschanged", look);
// #endif

/** Reads aloud, or stops when it is being read already. */
export function speak(passage: number, text: string): void {
  // #ifdef H5
  const was = speaking.value;
  hush();
  if (was === passage || !synthesis) return;
  const words = new SpeechSynthesisUtterance(text);
  words.lang = "zh-CN";
  words.rate = 0.9;
  words.onend = words.onerror = () => {
    if (speaking.value === passage) speaking.value = 0;
  };
  speaking.value = passage;
  synthesis.speak(words);
  // #endif
  void [passage, text];
}

export function hush(): void {
  // #ifdef H5
  synthesis?.cancel();
  // #endif
  speaking.value = 0;
}
