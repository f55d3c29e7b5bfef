// The rules of the jobs page, without React.
import type { Job, QueuedJob } from '../../api/types';

const priorityTitles = ['Background', 'Preload', 'Interactive', 'Immediate'];

export const priorityTitle = (priority: number): string => priorityTitles[priority] ?? String(priority);

// What a job is about: its prompt, or else its task.
export function titleOf({ task, input }: Pick<Job, 'task' | 'input'>): string {
  const prompt = input['prompt'];
  const name = task.charAt(0).toUpperCase() + task.slice(1).replaceAll('_', ' ');
  return typeof prompt === 'string' && prompt.trim() ? prompt : name;
}

export interface Waiting {
  position: number;
  job: Pick<Job, 'id' | 'task' | 'client' | 'priority' | 'input'>;
}

// The jobs in the order of the queue; the list of jobs is where their inputs are, as far as it reaches.
export function inOrder(queued: QueuedJob[], listed: Job[]): Waiting[] {
  const known = new Map(listed.map((job) => [job.id, job]));
  return queued.map(({ position, ...job }) => ({
    position,
    job: { ...job, input: known.get(job.id)?.input ?? {} },
  }));
}
