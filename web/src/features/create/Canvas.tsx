import type { Ref } from 'react';

import type { Job } from '../../api/types';
import { Button } from '../../shared/ui/Button';
import { Notice } from '../../shared/ui/Notice';
import type { Picked } from '../../shared/ui/results/PictureResult';
import { Caption, type CaptionActions } from './Caption';
import { Picture } from './Picture';

interface Props extends CaptionActions {
  ref: Ref<HTMLElement>;
  job: Job | null;
  picked: Picked;
  problem: string | null;
  onRetry: (id: string) => void;
}

export function Canvas({ ref, job, picked, problem, onRetry, ...actions }: Props) {
  return (
    <section
      ref={ref} aria-label="Picture"
      className="flex scroll-mt-28 flex-col gap-3 p-5 md:min-h-0 md:flex-1 md:overflow-y-auto"
    >
      {problem && <Notice text={problem} />}
      {job?.state === 'failed' && (
        <Notice text={job.failure?.sentence || 'The job failed.'}>
          <Button onClick={() => onRetry(job.id)}>Retry</Button>
        </Notice>
      )}
      {job?.state === 'cancelled' && (
        <div className="flex items-center justify-between gap-3 text-sm text-stone-400">
          <p>Cancelled.</p>
          <Button onClick={() => onRetry(job.id)}>Run again</Button>
        </div>
      )}
      <Picture job={job} picked={picked} onPick={actions.onPick} />
      {job && <Caption job={job} picked={picked} {...actions} />}
    </section>
  );
}
