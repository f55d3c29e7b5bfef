// The forms of the tasks across a reload of the page; pictures are not stored.
import type { Values } from '../../shared/lib/parameters';
import { loadSession, storeSession } from '../../shared/lib/session';
import { emptyForm, type TaskForm } from './tasks';

const key = (task: string) => `atelier.tasks.${task}`;

export function loadForm(task: string): TaskForm {
  const values = loadSession(key(task));
  return typeof values === 'object' && values !== null ? { ...emptyForm, values: values as Values } : emptyForm;
}

export const storeForm = (task: string, { values }: TaskForm): boolean => storeSession(key(task), values);
