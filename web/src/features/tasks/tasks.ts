// The rules of the tasks page, without React: what a task needs, what is sent, and how a job is named in a list.
import type { Attachment, Job, NewJob, Parameter, Task } from '../../api/types';
import { seconds } from '../../shared/lib/format';
import { firstProblem, inputOf, type Attached, type Values } from '../../shared/lib/parameters';
import type { SourcePicture } from '../../shared/lib/readPicture';

export interface TaskForm {
  values: Values;
  pictures: Record<string, SourcePicture>; // by role
}

export const emptyForm: TaskForm = { values: {}, pictures: {} };

export const attachedTo = ({ pictures }: TaskForm): Attached => new Set(Object.keys(pictures));

// Why the form cannot be sent, in a sentence; null when it can.
export function formProblem({ title, available, attachments, parameters }: Task, form: TaskForm): string | null {
  if (!available) return `${title} cannot run now: no installed model serves it, or its worker has not started.`;
  const missing = attachments.find(({ role, required }) => required && !form.pictures[role]);
  if (missing) return `${missing.title}: choose a picture.`;
  return firstProblem(parameters, form.values, attachedTo(form));
}

export const toJob = (task: Task, form: TaskForm): NewJob => ({
  task: task.id,
  input: inputOf(task.parameters, form.values, attachedTo(form)),
  attachments: Object.fromEntries(Object.entries(form.pictures).map(([role, { dataUrl }]) => [role, dataUrl])),
});

// The role that a dropped picture gets: the first free one, or else the first.
export const roleForDrop = (attachments: Attachment[], { pictures }: TaskForm): string | undefined =>
  (attachments.find(({ role }) => !pictures[role]) ?? attachments[0])?.role;

const stateTitles: Record<Job['state'], string> = {
  queued: 'Waiting',
  running: 'Running',
  succeeded: 'Finished',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

// The state of a job, and how long it took.
export function stateText({ state, started_ms, finished_ms }: Job): string {
  const took = finished_ms > started_ms && started_ms > 0 ? ` in ${seconds((finished_ms - started_ms) / 1000)}` : '';
  return stateTitles[state] + (state === 'succeeded' ? took : '');
}

interface Facts {
  width?: number;
  height?: number;
  scale?: number;
  frame?: number;
  frames?: number;
  frames_total?: number;
  warnings?: string[];
  steps?: { facts: Facts }[]; // of a composite task
}

// The facts of a job and, of a composite one, of its last step, which made the result.
const factsOf = ({ result }: Job): Facts[] => {
  const facts = (result?.used ?? {}) as Facts;
  const last = Array.isArray(facts.steps) ? facts.steps.at(-1)?.facts : undefined;
  return [facts, ...(last ? [last] : [])];
};

// What was made, in a few words: the size of a picture, or which frames of an animated one were looked at.
export const resultText = (job: Job): string =>
  factsOf(job)
    .flatMap(({ width, height, scale, frame = 0, frames = 1, frames_total: total = 1 }) => [
      width && height ? `${width} × ${height}` : '',
      width && height && scale ? `${scale} times as large` : '',
      total > 1 ? `${frames} of ${total} frames, the scores are those of frame ${frame}` : '',
    ])
    .filter(Boolean)
    .join(' · ');

export const warningsOf = (job: Job): string[] => factsOf(job)[0]?.warnings ?? [];

// The values of the job's own request, in the order of the table, without the seed, which says nothing about the result.
export function inputText({ input }: Job, rows: Parameter[]): string {
  return rows
    .filter(({ kind }) => kind !== 'seed')
    .map((row) => [row, input[row.name]] as const)
    .filter(([row, value]) => value !== null && value !== undefined && value !== '' && String(value) !== row.default_value)
    .map(([row, value]) => `${row.title} ${String(value)}`)
    .join(' · ');
}
