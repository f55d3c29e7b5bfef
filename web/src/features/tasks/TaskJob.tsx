import type { Ref } from 'react';

import { artifactUrl } from '../../api/client';
import type { Job, Task } from '../../api/types';
import { warningText } from '../../shared/lib/format';
import { isLive } from '../../shared/lib/jobs';
import { Button } from '../../shared/ui/Button';
import { JobProgress } from '../../shared/ui/JobProgress';
import { Notice } from '../../shared/ui/Notice';
import { GrowingText } from '../../shared/ui/results/GrowingText';
import { Results } from '../../shared/ui/results/Results';
import { inputText, resultText, stateText, warningsOf } from './tasks';

interface Props {
  ref: Ref<HTMLElement>;
  task: Task;
  job: Job | null;
  problem: string | null;
  onCancel: (id: string) => void;
  onRetry: (id: string) => void;
}

// The job that is shown: its progress, its failure or its results.
export function TaskJob({ ref, task, job, problem, onCancel, onRetry }: Props) {
  return (
    <section ref={ref} aria-label="Result" className="flex scroll-mt-4 flex-col gap-4 p-5">
      {problem && <Notice text={problem} />}
      {job ? (
        <State task={task} job={job} onCancel={onCancel} onRetry={onRetry} />
      ) : (
        <p className="py-10 text-center text-sm text-stone-400">The result appears here.</p>
      )}
    </section>
  );
}

function State({ task, job, onCancel, onRetry }: Omit<Props, 'ref' | 'problem' | 'job'> & { job: Job }) {
  if (isLive(job)) {
    const preview = job.progress.preview_artifact;
    return (
      <>
        <JobProgress job={job} title={task.title} onCancel={onCancel} />
        {preview && (
          <img
            src={artifactUrl(preview)} alt={`Preview after step ${job.progress.step}`}
            className="preview-pixels max-h-[60vh] object-contain"
          />
        )}
        {task.streams_text && <GrowingText text={job.progress.text} />}
      </>
    );
  }
  if (job.state === 'failed') {
    return (
      <Notice text={job.failure?.sentence || 'The job failed.'}>
        <Button onClick={() => onRetry(job.id)}>Retry</Button>
      </Notice>
    );
  }
  if (job.state === 'cancelled') {
    return (
      <div className="flex items-center justify-between gap-3 text-sm text-stone-400">
        <p>Cancelled.</p>
        <Button onClick={() => onRetry(job.id)}>Run again</Button>
      </div>
    );
  }
  return (
    <>
      <Results outputs={job.result?.outputs ?? []} title={`Result of ${task.title}`} />
      <p className="text-xs text-stone-400">
        {[stateText(job), resultText(job), inputText(job, task.parameters)].filter(Boolean).join(' · ')}
      </p>
      {warningsOf(job).map((warning) => (
        <p key={warning} className="text-xs text-amber-300">
          {warningText(warning)}
        </p>
      ))}
    </>
  );
}
