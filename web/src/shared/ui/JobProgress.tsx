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

// A job that is queued or running: its stage, its speed and a button that cancels it.
export function JobProgress({ job, title, onCancel }: Props) {
  const { part, stage, step, total, fraction, eta_seconds, steps_per_second } = job.progress;
  const facts = [
    part,
    `${stageTitle(stage)}${total > 0 ? ` · step ${step} of ${total}` : ''}`,
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
