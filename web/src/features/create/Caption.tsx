import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { seconds, warningText } from '../../shared/lib/format';
import { isLive } from '../../shared/lib/jobs';
import { Button, linkLook } from '../../shared/ui/Button';
import { JobProgress } from '../../shared/ui/JobProgress';
import type { Picked } from '../../shared/ui/results/PictureResult';
import { picturesOf, promptOf, usedOf, type GenerateUsed } from './generation';
import { seedOf } from './jobs';

// Another page that takes a finished picture.
export interface PictureUse {
  title: string;
  hrefOf: (artifact: string) => string;
}

export interface CaptionActions {
  uses: PictureUse[];
  onPick: (picked: Picked) => void;
  onCancel: (id: string) => void;
  onStartFrom: (artifact: string) => void;
  onReuse: (job: Job) => void;
}

// How the picture was made, and its buttons; while it is being made, the progress.
export function Caption({ job, picked, ...actions }: CaptionActions & { job: Job; picked: Picked }) {
  if (isLive(job)) return <JobProgress job={job} title={promptOf(job)} onCancel={actions.onCancel} />;
  const used = usedOf(job);
  if (!used) return null;
  return (
    <div className="flex flex-wrap items-end justify-between gap-3">
      <div className="min-w-0 max-w-2xl">
        <p className="truncate text-sm text-stone-200" title={used.prompt}>
          {used.prompt}
        </p>
        <p className="mt-0.5 text-xs tabular-nums text-stone-400">{factsOf(job, used, picked.index).join(' · ')}</p>
        {used.warnings?.map((warning) => (
          <p key={warning} className="mt-1 text-xs text-amber-300">
            {warningText(warning)}
          </p>
        ))}
      </div>
      <Actions job={job} artifacts={picturesOf(job)} picked={picked} {...actions} />
    </div>
  );
}

function factsOf(job: Job, used: Partial<GenerateUsed>, index: number): string[] {
  const count = picturesOf(job).length;
  return [
    used.model_title || used.model || '',
    `${used.width} × ${used.height}`,
    `${used.steps} steps`,
    used.schedule ? `${used.sampler}, ${used.schedule}` : (used.sampler ?? ''),
    `guidance ${used.guidance}`,
    typeof used.strength === 'number' ? `strength ${used.strength}` : '',
    used.matte && used.matte !== '#ffffff' ? `matte ${used.matte}` : '',
    used.keep_outside === false ? 'outside of the mask changed too' : '',
    count > 1 ? `picture ${index + 1} of ${count}` : '',
    `seed ${seedOf(job, index)}`,
    job.finished_ms > job.started_ms ? seconds((job.finished_ms - job.started_ms) / 1000) : '',
  ].filter(Boolean);
}

type ActionsProps = CaptionActions & { job: Job; artifacts: string[]; picked: Picked };

function Actions({ job, artifacts, picked, uses, onPick, onStartFrom, onReuse }: ActionsProps) {
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
      {uses.map(({ title, hrefOf }) => (
        <a key={title} href={hrefOf(artifact)} className={linkLook}>
          {title}
        </a>
      ))}
      <a href={artifactUrl(artifact)} download={`atelier-${seedOf(job, picked.index)}.png`} className={linkLook}>
        Download
      </a>
    </div>
  );
}
