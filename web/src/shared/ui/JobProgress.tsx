import type { Job } from '../../api/types';
import { seconds, sentence, speed } from '../lib/format';
import { Button } from './Button';
import { ProgressBar } from './ProgressBar';

interface Props {
  job: Job;
  title: string; // which job it is
  onCancel: (id: string) => void;
}

const stageTitles: Record<string, string> = {
  queued: 'Waiting',
  load: 'Loading the model',
  encode: 'Encoding the prompt',
  denoise: 'Denoising',
  decode: 'Decoding the picture',
  save: 'Saving',
};

const stageTitle = (stage: string) =>
  stageTitles[stage] ?? (stage ? stage.charAt(0).toUpperCase() + stage.slice(1).replaceAll('_', ' ') : 'Waiting');

// Stages whose steps have a name of their own; the steps of the others are what the stage is called.
const steppedStages = new Set(['denoise', 'run']);

// What is done now: "Denoising · step 3 of 20", "Tile 1 of 2".
export function stageText({ stage, step, total }: Pick<Job['progress'], 'stage' | 'step' | 'total'>): string {
  const title = stageTitle(stage);
  if (total <= 0) return title;
  const place = `${Math.min(step + 1, total)} of ${total}`;
  return stage in stageTitles || steppedStages.has(stage) ? `${title} · step ${place}` : `${title} ${place}`;
}

// A job that is queued or running: its stage, its speed and a button that cancels it.
export function JobProgress({ job, title, onCancel }: Props) {
  const { part, fraction, eta_seconds, steps_per_second } = job.progress;
  const facts = [
    part,
    stageText(job.progress),
    speed(steps_per_second),
    eta_seconds > 0 ? `${seconds(eta_seconds)} left` : '',
    job.reason && sentence(job.reason),
  ].filter(Boolean);
  return (
    <div className="flex items-center gap-4">
      <div className="min-w-0 flex-1">
        <p className="mb-1.5 truncate text-sm text-stone-200">{title}</p>
        <ProgressBar fraction={fraction} label={`Progress: ${title}`} />
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
