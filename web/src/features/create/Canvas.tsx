import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { seconds, speed } from '../../shared/lib/format';
import { Button } from '../../shared/ui/Button';
import { ProgressBar } from '../../shared/ui/ProgressBar';

interface Props {
  job: Job | null;
  problem: string | null;
  onCancel: () => void;
  onStartFrom: (artifact: string) => void;
  onReuse: (job: Job) => void;
}

const stageWords: Record<string, string> = {
  queued: 'Waiting',
  load: 'Loading the model',
  encode: 'Reading the prompt',
  denoise: 'Drawing',
  decode: 'Developing',
  save: 'Saving',
};

export function Canvas({ job, problem, onCancel, onStartFrom, onReuse }: Props) {
  return (
    <section aria-label="Picture" className="flex min-h-0 flex-1 flex-col gap-3 p-5">
      {problem && <Notice sentence={problem} />}
      {job?.state === 'failed' && job.failure && <Notice sentence={job.failure.sentence} />}
      {job?.state === 'cancelled' && <p className="text-sm text-stone-400">Cancelled.</p>}
      <div className="relative min-h-0 flex-1">
        <Picture job={job} />
      </div>
      {job && <Caption job={job} onCancel={onCancel} onStartFrom={onStartFrom} onReuse={onReuse} />}
    </section>
  );
}

function Notice({ sentence }: { sentence: string }) {
  return (
    <p role="alert" className="rounded-md border border-red-900 bg-red-950/60 px-4 py-3 text-sm text-red-100">
      {sentence}
    </p>
  );
}

const pictureLook = 'size-full min-h-0 object-contain';

function Picture({ job }: { job: Job | null }) {
  const artifacts = job?.result?.artifacts ?? [];
  if (job && artifacts.length > 0) {
    return (
      <div className={`absolute inset-0 grid auto-rows-fr gap-3 ${artifacts.length > 1 ? 'grid-cols-2' : ''}`}>
        {artifacts.map((artifact, index) => (
          <img
            key={artifact}
            src={artifactUrl(artifact)}
            alt={`${job.result?.used.prompt ?? 'picture'}${artifacts.length > 1 ? `, ${index + 1}` : ''}`}
            data-testid="result"
            className={pictureLook}
          />
        ))}
      </div>
    );
  }
  if (job?.progress.preview_artifact && (job.state === 'running' || job.state === 'queued')) {
    return (
      <img
        src={artifactUrl(job.progress.preview_artifact)}
        alt={`Preview after step ${job.progress.step}`}
        data-testid="preview"
        className={`absolute inset-0 ${pictureLook} preview-pixels opacity-90`}
      />
    );
  }
  return (
    <p className="absolute inset-0 m-auto h-fit max-w-sm text-center text-stone-400">
      {job && job.state !== 'failed' && job.state !== 'cancelled'
        ? 'The picture appears here as it is drawn.'
        : 'Write a prompt and press Create, or drop a picture here to start from it.'}
    </p>
  );
}

function Caption({ job, onCancel, onStartFrom, onReuse }: Omit<Props, 'problem'> & { job: Job }) {
  if (job.state === 'queued' || job.state === 'running') {
    const { stage, step, total, fraction, eta_seconds, steps_per_second } = job.progress;
    const facts = [
      `${stageWords[stage] ?? stage}${total > 0 ? ` · step ${step} of ${total}` : ''}`,
      speed(steps_per_second),
      eta_seconds > 0 ? `${seconds(eta_seconds)} left` : '',
      job.reason,
    ].filter(Boolean);
    return (
      <div className="flex items-center gap-4">
        <div className="flex-1">
          <ProgressBar fraction={fraction} label="Progress of the picture" />
          <p className="mt-1.5 text-xs tabular-nums text-stone-400" aria-live="off">
            {facts.join(' · ')}
          </p>
        </div>
        <Button look="danger" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    );
  }
  const { result } = job;
  if (!result) return null;
  const { used } = result;
  const took = job.finished_ms > job.started_ms ? seconds((job.finished_ms - job.started_ms) / 1000) : '';
  const facts = [
    used.model_title || used.model,
    `${used.width} × ${used.height}`,
    `${used.steps} steps`,
    used.schedule ? `${used.sampler}, ${used.schedule}` : used.sampler,
    `guidance ${used.guidance}`,
    `seed ${used.seed}`,
    took,
  ].filter(Boolean);
  const first = result.artifacts[0];
  return (
    <div className="flex flex-wrap items-end justify-between gap-3">
      <div className="min-w-0 max-w-2xl">
        <p className="truncate text-sm text-stone-200">{used.prompt}</p>
        <p className="mt-0.5 text-xs tabular-nums text-stone-400">{facts.join(' · ')}</p>
        {used.warnings.map((warning) => (
          <p key={warning} className="mt-1 text-xs text-amber-300">
            {warning}
          </p>
        ))}
      </div>
      {first && (
        <div className="flex gap-2">
          <Button onClick={() => onReuse(job)}>Use settings</Button>
          <Button onClick={() => onStartFrom(first)}>Start from this</Button>
          <a
            href={artifactUrl(first)}
            download={`atelier-${used.seed}.png`}
            className="rounded-md bg-stone-800 px-3 py-1.5 text-sm font-medium hover:bg-stone-700"
          >
            Download
          </a>
        </div>
      )}
    </div>
  );
}
