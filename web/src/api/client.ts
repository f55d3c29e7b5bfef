// The only file that calls the station. Answers are typed by the station's own OpenAPI document;
// failures become ApiError, whose message is the station's sentence.
import type { Job, ModelList, NewJob, StationStatus } from './types';

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

const unreachable = 'The station does not answer. Is it still running? Start it with `make run`.';

// What is asked again and again: an answer that is lost must not hold up the next question.
const askedAgain = (): RequestInit => ({ signal: AbortSignal.timeout(10_000) });

// The station names a field by its place in the request, "/input/image: …"; a person reads "Image: …".
const inWords = (sentence: string): string =>
  sentence.replace(/^\/(?:input\/)?([a-z])([a-z_]*): /, (_, first: string, rest: string) =>
    `${first.toUpperCase()}${rest.replaceAll('_', ' ')}: `,
  );

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, init);
    text = await response.text();
  } catch {
    throw new ApiError(unreachable, 0);
  }
  let body: unknown = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // Not JSON: a proxy's page or the like; the status line below says enough.
  }
  if (response.ok) return body as T;
  const detail = (body as { detail?: unknown } | null)?.detail;
  throw new ApiError(
    typeof detail === 'string' && detail ? inWords(detail) : `The station answered ${response.status}.`,
    response.status,
  );
}

// Jobs with very long prompts come in several answers.
async function jobs(states: string, limit: number, before: string): Promise<Job[]> {
  const older = before && `&before=${encodeURIComponent(before)}`;
  const part = await call<{ jobs: Job[]; next: string }>(`/api/v1/jobs?limit=${limit}&state=${states}${older}`, askedAgain());
  const missing = limit - part.jobs.length;
  if (!part.next || missing <= 0) return part.jobs;
  return [...part.jobs, ...(await jobs(states, missing, part.next))];
}

export const api = {
  models: (): Promise<ModelList> => call('/api/v1/models', askedAgain()),
  status: (): Promise<StationStatus> => call('/api/v1/status', askedAgain()),
  refreshModels: (): Promise<ModelList> => call('/api/v1/models/refresh', { method: 'POST' }),
  // Those that have ended well, newest first; `before`: only those older than this job.
  madeJobs: (limit: number, before: string): Promise<Job[]> => jobs('succeeded', limit, before),
  liveJobs: (): Promise<Job[]> => jobs('queued,running', 100, ''),
  job: (id: string): Promise<Job> => call(`/api/v1/jobs/${id}`),
  cancel: (id: string): Promise<Job> => call(`/api/v1/jobs/${id}/cancel`, { method: 'POST' }),
  submit: (job: NewJob): Promise<Job> =>
    call('/api/v1/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(job),
    }),
};

export const artifactUrl = (id: string): string => `/api/v1/artifacts/${encodeURIComponent(id)}`;
