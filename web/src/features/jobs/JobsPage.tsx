import type { ReactNode } from 'react';

import { api } from '../../api/client';
import type { Queue } from '../../api/types';
import { sentence } from '../../shared/lib/format';
import { Button } from '../../shared/ui/Button';
import { Notice } from '../../shared/ui/Notice';
import { priorityTitle, titleOf } from './queue';
import { useQueue } from './useQueue';

// The queue of the station: what is paused, what runs, what waits in which order, and what failed.
export function JobsPage() {
  const { queue, running, waiting, failed, problem, act } = useQueue();
  const queued = queue?.priorities.reduce((sum, each) => sum + each.queued, 0) ?? 0;
  return (
    <main className="mx-auto flex w-full max-w-4xl flex-col gap-6 p-5 md:min-h-0 md:flex-1 md:overflow-y-auto">
      {problem && <Notice text={problem} />}
      {queue && <Priorities queue={queue} onPause={(priority, paused) => act(api.setPaused(priority, paused))} />}
      <Section title="Running" empty="Nothing runs now." count={running.length}>
        {running.map((job) => (
          <Row key={job.id} title={titleOf(job)} facts={[job.task, `${Math.round(job.progress.fraction * 100)} %`, job.client]}>
            <Button aria-label={`Cancel: ${titleOf(job)}`} onClick={() => act(api.cancel(job.id))}>
              Cancel
            </Button>
          </Row>
        ))}
      </Section>
      <Section
        title="Waiting" empty="Nothing waits." count={waiting.length}
        action={queued > 0 && <Button look="danger" onClick={() => act(api.cancelWaiting())}>Cancel all waiting</Button>}
      >
        {waiting.map(({ position, job }) => (
          <Row
            key={job.id} title={`${position}. ${titleOf(job)}`}
            facts={[priorityTitle(job.priority), job.task, job.client]}
          >
            <Button aria-label={`Move to front: ${titleOf(job)}`} onClick={() => act(api.moveToFront(job.id))}>
              Move to front
            </Button>
            <Button aria-label={`Cancel: ${titleOf(job)}`} onClick={() => act(api.cancel(job.id))}>
              Cancel
            </Button>
          </Row>
        ))}
        {queued > waiting.length && <li className="text-sm text-stone-400">And {queued - waiting.length} more.</li>}
      </Section>
      <Section
        title="Failed" empty="No job has failed." count={failed.length}
        action={failed.length > 1 && <Button onClick={() => act(api.retryFailed())}>Retry all failed</Button>}
      >
        {failed.map((job) => (
          <Row key={job.id} title={titleOf(job)} facts={[job.task, new Date(job.finished_ms).toLocaleString()]}
            failure={sentence(job.failure?.sentence || 'the job failed')}
          >
            <Button aria-label={`Retry: ${titleOf(job)}`} onClick={() => act(api.retry(job.id))}>
              Retry
            </Button>
          </Row>
        ))}
      </Section>
    </main>
  );
}

function Priorities({ queue, onPause }: { queue: Queue; onPause: (priority: number, paused: boolean) => void }) {
  return (
    <section aria-label="Priorities">
      <h2 className="mb-2 text-sm font-semibold">Priorities</h2>
      <ul className="grid gap-2 sm:grid-cols-2">
        {queue.priorities.map(({ priority, queued, queued_max, paused }) => (
          <li key={priority} className="flex items-center gap-3 rounded-md border border-stone-800 px-3 py-2 text-sm">
            <span className="min-w-0 flex-1">
              {priorityTitle(priority)}
              <span className="block text-xs tabular-nums text-stone-400">
                {queued} of {queued_max} waiting{paused && ', paused'}
              </span>
            </span>
            <Button
              aria-label={`${paused ? 'Resume' : 'Pause'}: ${priorityTitle(priority)}`}
              onClick={() => onPause(priority, !paused)}
            >
              {paused ? 'Resume' : 'Pause'}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface SectionProps {
  title: string;
  empty: string; // what is shown where there is none
  count: number;
  action?: ReactNode;
  children: ReactNode;
}

function Section({ title, empty, count, action, children }: SectionProps) {
  return (
    <section aria-label={title}>
      <div className="mb-2 flex min-h-8 items-center justify-between gap-3">
        <h2 className="text-sm font-semibold">{title}</h2>
        {action}
      </div>
      {count > 0 ? <ul aria-label={title} className="flex flex-col gap-2">{children}</ul> : <p className="text-sm text-stone-400">{empty}</p>}
    </section>
  );
}

interface RowProps {
  title: string;
  facts: string[];
  failure?: string;
  children: ReactNode; // its buttons
}

function Row({ title, facts, failure, children }: RowProps) {
  return (
    <li className="flex flex-wrap items-center gap-2 rounded-md border border-stone-800 px-3 py-2 text-sm">
      <span className="min-w-0 flex-1 basis-60">
        <span className="block truncate">{title}</span>
        {failure && <span className="block break-words text-red-200">{failure}</span>}
        <span className="block truncate text-xs tabular-nums text-stone-400">{facts.filter(Boolean).join(' · ')}</span>
      </span>
      {children}
    </li>
  );
}
