import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { seconds, sentence, speed, warningText } from '../../shared/lib/format';
import { Button } from '../../shared/ui/Button';
import { ProgressBar } from '../../shared/ui/ProgressBar';
import { isLive, seedOf } from './jobs';
import type { Picked } from './Picture';

export interface CaptionActions {
  onPick: (picked: Picked) => void;
  onCancel: (id: string) => void;
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

// What the picture is, and what can be done with it.
export function Caption({ job, picked, ...actions }: CaptionActions & { job: Job; picked: Picked }) {
  if (isLive(job)) return <Progress job={job} onCancel={actions.onCancel} />;
  const { result } = job;
  if (!result) return null;
  return (
    <div className="flex flex-wrap items-end justify-between gap-3">
      <div className="min-w-0 max-w-2xl">
        <p className="truncate text-sm text-stone-200" title={result.used.prompt}>
          {result.used.prompt}
        </p>
        <p className="mt-0.5 text-xs tabular-nums text-stone-400">{factsOf(job, picked.index).join(' · ')}</p>
        {result.used.warnings.map((warning) => (
          <p key={warning} className="mt-1 text-xs text-amber-300">
            {warningText(warning)}
          </p>
        ))}
      </div>
      <Actions job={job} artifacts={result.artifacts} picked={picked} {...actions} />
    </div>
  );
}

function factsOf(job: Job, index: number): string[] {
  if (!job.result) return [];
  const { used, artifacts } = job.result;
  return [
    used.model_title || used.model,
    `${used.width} × ${used.height}`,
    `${used.steps} steps`,
    used.schedule ? `${used.sampler}, ${used.schedule}` : used.sampler,
    `guidance ${used.guidance}`,
    used.strength === null ? '' : `strength ${used.strength}`,
    used.matte === null || used.matte === '#ffffff' ? '' : `matte ${used.matte}`,
    used.keep_outside === false ? 'outside the mask not kept' : '',
    artifacts.length > 1 ? `picture ${index + 1} of ${artifacts.length}` : '',
    `seed ${seedOf(job, index)}`,
    job.finished_ms > job.started_ms ? seconds((job.finished_ms - job.started_ms) / 1000) : '',
  ].filter(Boolean);
}

type ActionsProps = CaptionActions & { job: Job; artifacts: string[]; picked: Picked };

function Actions({ job, artifacts, picked, onPick, onStartFrom, onReuse }: ActionsProps) {
  const artifact = artifacts[picked.index];
  if (!artifact) return null;
  return (
    <div className="flex flex-wrap gap-2">
      {artifacts.length > 1 && (
        <Button onClick={() => onPick({ ...picked, alone: !picked.alone })}>
          {picked.alone ? `Show all ${artifacts.length}` : 'Show large'}
        </Button>
      )}
      <Button onClick={() => onReuse(job)}>Use settings</Button>
      <Button onClick={() => onStartFrom(artifact)}>Start from this</Button>
      <a
        href={artifactUrl(artifact)}
        download={`atelier-${seedOf(job, picked.index)}.png`}
        className="rounded-md bg-stone-800 px-3 py-1.5 text-sm font-medium hover:bg-stone-700"
      >
        Download
      </a>
    </div>
  );
}

function Progress({ job, onCancel }: { job: Job; onCancel: (id: string) => void }) {
  const { stage, step, total, fraction, eta_seconds, steps_per_second } = job.progress;
  const facts = [
    `${stageWords[stage] ?? stage}${total > 0 ? ` · step ${step} of ${total}` : ''}`,
    speed(steps_per_second),
    eta_seconds > 0 ? `${seconds(eta_seconds)} left` : '',
    job.reason && sentence(job.reason),
  ].filter(Boolean);
  return (
    <div className="flex items-center gap-4">
      <div className="min-w-0 flex-1">
        <p className="mb-1.5 truncate text-sm text-stone-200">{job.input.prompt}</p>
        <ProgressBar fraction={fraction} label="Progress of the picture" />
        <p className="mt-1.5 text-xs tabular-nums text-stone-400" aria-live="off">
          {facts.join(' · ')}
        </p>
      </div>
      <Button look="danger" onClick={() => onCancel(job.id)}>
        Cancel
      </Button>
    </div>
  );
}
