// Follows the events of a job. The last one is `end`, whatever the outcome. Before it EventSource reconnects by itself
// and the station sends what was missed (Last-Event-ID); after it the station answers 204.
import { jobOf } from './replies';
import { noText, withPiece } from './streamedText';
import type { Job, Schemas } from './types';

const jobEventTypes = ['state', 'progress', 'preview', 'end'];

const withText = (job: Job, text: string): Job => ({ ...job, progress: { ...job.progress, text } });

// Text comes in pieces, in events of its own; each job that is passed on has all of it so far.
export function watchJob(id: string, onJob: (job: Job) => void, onLost: () => void): () => void {
  const source = new EventSource(`/api/v1/jobs/${encodeURIComponent(id)}/events`);
  let job: Job | null = null;
  let streamed = noText;
  const takeJob = ({ type, data }: MessageEvent<string>) => {
    if (type === 'end') source.close();
    const next = jobOf((JSON.parse(data) as Schemas['EventView']).job);
    job = type === 'end' ? next : withText(next, streamed.text);
    onJob(job);
  };
  const takeText = ({ data }: MessageEvent<string>) => {
    streamed = withPiece(streamed, JSON.parse(data) as Schemas['TextEventView']);
    if (!job) return;
    job = withText(job, streamed.text);
    onJob(job);
  };
  for (const type of jobEventTypes) source.addEventListener(type, takeJob);
  source.addEventListener('text', takeText);
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) onLost();
  };
  return () => source.close();
}
