// What the service sends and takes, as its OpenAPI document has it (/openapi.json).

export interface Named { id: number; name: string }

export interface Member {
  id: number;
  name: string;
  branch: Named;
  unit: Named | null;
  tier: string;
  roles: string[];
}

export interface SignedIn { token: string; expires_at: string; member: Member | null }

export interface Option { key: string; text: string }

export type Kind = "single" | "multiple" | "true_false" | "blank";

export interface Question { id: number; kind: Kind; stem: string; options: Option[] }

export interface Passage {
  id: number;
  section: string;
  number: number;
  text: string | null;
  source_url: string;
  read: boolean;
}

export interface Task {
  id: number;
  date: string;
  title: string;
  aspects: { id: number; title: string }[];
  guidance: string;
  passages: Passage[];
  questions: Question[];
  prompt: string;
  progress: {
    passages_read: number;
    passages_total: number;
    questions_answered: number;
    questions_total: number;
    checked_in: boolean;
    kind: string | null;
  };
  makeup_until: string;
}

export interface Today { date: string; task: Task | null; next_date: string | null }

export type Status = "upcoming" | "open" | "done" | "makeup" | "missed" | "excused";

export interface TaskItem {
  id: number;
  date: string;
  title: string;
  aspects: number[];
  status: Status;
  makeup_until: string;
  recorded_by: Named | null;
}

export interface Answer { question: number; choice?: string[]; text?: string }

export interface Source { text: string; section: string; title: string; locator: string }

export interface Result { question: number; right: boolean; answer: string[]; explanation: string; source: Source }

export interface Results { results: Result[]; right: number; total: number }

export interface Receipt {
  id: number;
  task: number;
  date: string;
  kind: string;
  checked_in_at: string;
  streak: { current: number; longest: number };
  results: Result[];
}

export interface Progress {
  from: string;
  to: string;
  streak: { current: number; longest: number; makeups: number };
  steadiness: number | null;
  tasks: { assigned: number; done: number; on_time: number; makeup: number; proxy: number; excused: number; missing: number; open: number };
  aspects: { id: number; title: string; assigned: number; done: number; coverage: number | null; accuracy: number | null }[];
  texts: { key: string; title: string; passages_read: number; passages_total: number; coverage: number | null }[];
}

export interface Mistake {
  id: number;
  task: number;
  date: string;
  question: Question;
  given: string[];
  answer: string[];
  explanation: string;
  source: Source;
}

export interface ReadingMap {
  id: number;
  key: string;
  title: string;
  passages_read: number;
  passages_total: number;
  sections: { key: string; title: string; passages: { id: number; number: number; read: boolean }[] }[];
}

export interface Consents { current: string; given: { version: string; at: string }[] }

/** An error reply (RFC 9457). */
export interface ProblemDocument {
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  errors?: { field: string; message: string }[];
  missing?: { passages: number[]; questions: number[] };
}

export interface Page<T> { items: T[]; next: string | null }

/** What a member asked of the secretary; answered once, due by a day. */
export interface Asked { id: number; text: string; created_at: string; due_on: string; answer: string; answered_at: string | null }

export interface Reflection { id: number; task: number; date: string; text: string; state: string; written_at: string }
