import type { Question } from './protocol';

/** What keeps a typed answer from being taken. */
export type Complaint = 'empty' | 'form';

/** Why a typed answer can't be taken; undefined when it can. */
export function complaint(question: Question, value: string): Complaint | undefined {
  const text = value.trim();
  if (text === '' && question.kind !== 'text') {
    return 'empty';
  }
  const fits = question.pattern === undefined || new RegExp(`^(?:${question.pattern})$`).test(text);
  return fits ? undefined : 'form';
}
