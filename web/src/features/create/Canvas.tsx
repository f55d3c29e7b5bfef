import type { Ref } from 'react';

import type { Job } from '../../api/types';
import { sentence } from '../../shared/lib/format';
import { Caption, type CaptionActions } from './Caption';
import { Picture, type Picked } from './Picture';

interface Props extends CaptionActions {
  ref: Ref<HTMLElement>;
  job: Job | null;
  picked: Picked;
  problem: string | null;
}

export function Canvas({ ref, job, picked, problem, ...actions }: Props) {
  const failure = job?.state === 'failed' ? job.failure?.sentence : undefined;
  return (
    <section
      ref={ref} aria-label="Picture"
      className="flex scroll-mt-28 flex-col gap-3 p-5 md:min-h-0 md:flex-1 md:overflow-y-auto"
    >
      {problem && <Notice text={problem} />}
      {failure && <Notice text={failure} />}
      {job?.state === 'cancelled' && <p className="text-sm text-stone-400">Cancelled.</p>}
      <Picture job={job} picked={picked} onPick={actions.onPick} />
      {job && <Caption job={job} picked={picked} {...actions} />}
    </section>
  );
}

function Notice({ text }: { text: string }) {
  return (
    <p role="alert" className="rounded-md border border-red-900 bg-red-950/60 px-4 py-3 text-sm text-red-100">
      {sentence(text)}
    </p>
  );
}
