// The only file that sends requests to the station, beside events.ts. Failures become ApiError, whose message is the
// sentence of the station.
import { bodyOf, jobOf, modelsOf, tasksOf } from './replies';
import type { Job, ModelList, NewJob, Queue, QueuedJob, Retried, Schemas, StationStatus, Task } from './types';

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

const unreachable = 'The station does not answer. Check that it is running, or start it with `make run`.';

// For requests that are repeated: one that gets no answer must not delay the next.
const repeated = (): RequestInit => ({ signal: AbortSignal.timeout(10_000) });

// The station names a field by its place in the request, "/input/image: …"; the page shows "Image: …".
const withFieldTitle = (sentence: string): string =>
  sentence.replace(/^\/(?:input\/)?([a-z])([a-z_]*): /, (_, first: string, rest: string) =>
    `${first.toUpperCase()}${rest.replaceAll('_', ' ')}: `,
  );

// A reply whose body has arrived as `read` takes it.
async function replyOf<Body>(
  path: string, init: RequestInit | undefined, read: (response: Response) => Promise<Body>,
): Promise<[Response, Body]> {
  try {
    const response = await fetch(path, init);
    return [response, await read(response)];
  } catch {
    throw new ApiError(unreachable, 0);
  }
}

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const [response, text] = await replyOf(path, init, (each) => each.text());
  let body: unknown = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // Not JSON, for example the page of a proxy: the status below is reported.
  }
  if (response.ok) return body as T;
  const detail = (body as { detail?: unknown } | null)?.detail;
  throw new ApiError(
    typeof detail === 'string' && detail ? withFieldTitle(detail) : `The station answered with status ${response.status}.`,
    response.status,
  );
}

const callJob = async (path: string, init?: RequestInit): Promise<Job> => jobOf(await call<Schemas['JobView']>(path, init));
const post: RequestInit = { method: 'POST' };
const postJson = (body: object): RequestInit => ({
  ...post,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

export interface JobFilter {
  task: string; // '' is every task
  states: string; // with commas between them; '' is every state
  limit: number;
  before: string; // only jobs older than the one with this id; '' starts with the newest
  notRepeated?: boolean; // only jobs that no other job runs again
}

// The station divides a list of jobs with very long inputs into several replies.
async function jobs(filter: JobFilter): Promise<Job[]> {
  const { task, states, limit, before } = filter;
  const query = new URLSearchParams({ task, limit: String(limit) });
  if (states) query.set('state', states);
  if (before) query.set('before', before);
  if (filter.notRepeated) query.set('repeated', 'false');
  const part = await call<Schemas['JobList']>(`/api/v1/jobs?${query.toString()}`, repeated());
  const missing = limit - part.jobs.length;
  const list = part.jobs.map(jobOf);
  if (!part.next || missing <= 0) return list;
  return [...list, ...(await jobs({ ...filter, limit: missing, before: part.next }))];
}

export const api = {
  models: async (): Promise<ModelList> => modelsOf(await call<Schemas['ModelViews']>('/api/v1/models', repeated())),
  refreshModels: async (): Promise<ModelList> => modelsOf(await call<Schemas['ModelViews']>('/api/v1/models/refresh', post)),
  status: (): Promise<StationStatus> => call('/api/v1/status', repeated()),
  tasks: async (): Promise<Task[]> => tasksOf(await call<Schemas['TaskList']>('/api/v1/tasks', repeated())),
  jobs, // the newest first
  job: (id: string): Promise<Job> => callJob(`/api/v1/jobs/${id}`),
  cancel: (id: string): Promise<Job> => callJob(`/api/v1/jobs/${id}/cancel`, post),
  artifact, // a picture or another file that a job took or made
  retry: (id: string): Promise<Job> => callJob(`/api/v1/jobs/${id}/retry`, post), // a new job with the same input
  submit: (job: NewJob): Promise<Job> => callJob('/api/v1/jobs', postJson(bodyOf(job))),
  queue: (): Promise<Queue> => call('/api/v1/queue', repeated()),
  // The jobs at the head of the queue, in its order.
  queuedJobs: async (limit: number): Promise<QueuedJob[]> =>
    (await call<Schemas['QueuedJobList']>(`/api/v1/queue/jobs?limit=${limit}`, repeated())).jobs,
  setPaused: (priority: number, paused: boolean): Promise<Queue> =>
    call(`/api/v1/queue/${paused ? 'pause' : 'resume'}`, postJson({ priority })),
  moveToFront: (id: string): Promise<Job> => callJob(`/api/v1/jobs/${id}/front`, post),
  cancelWaiting: (): Promise<unknown> => call('/api/v1/queue/cancel', postJson({})), // all of them
  retryFailed: (): Promise<Retried> => call('/api/v1/queue/retry', postJson({ state: 'failed' })),
};

async function artifact(id: string): Promise<Blob> {
  const [response, blob] = await replyOf(artifactUrl(id), undefined, (each) => each.blob());
  if (!response.ok) throw new ApiError('That picture has been deleted.', response.status);
  return blob;
}

export const artifactUrl = (id: string): string => `/api/v1/artifacts/${encodeURIComponent(id)}`;
