import { artifactUrl } from '../../api/client';
import type { Job, Task } from '../../api/types';
import { labelsOf, percent } from '../../shared/lib/labels';
import { inputText, resultText, stateText } from './tasks';

interface Props {
  task: Task;
  jobs: Job[];
  shown: string | undefined; // id
  onShow: (job: Job) => void;
}

// Jobs of the task, the newest first.
export function RecentJobs({ task, jobs, shown, onShow }: Props) {
  if (jobs.length === 0) return null;
  return (
    <section className="border-t border-stone-800 p-5">
      <h2 className="mb-2 text-xs font-medium text-stone-300">Recent jobs</h2>
      <ul className="flex flex-col gap-1">
        {jobs.map((job) => (
          <li key={job.id}>
            <button
              type="button" aria-pressed={job.id === shown}
              className={`flex w-full items-center gap-3 rounded-md border px-2 py-1.5 text-left text-sm ${
                job.id === shown ? 'border-amber-500' : 'border-transparent hover:border-stone-600'
              }`}
              onClick={() => onShow(job)}
            >
              <Thumbnail job={job} />
              <span className="min-w-0 flex-1 truncate">{summaryOf(job, task) || task.title}</span>
              <span className="shrink-0 text-xs tabular-nums text-stone-400">{stateText(job)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Thumbnail({ job }: { job: Job }) {
  const made = job.result?.outputs.find(({ kind }) => kind === 'picture')?.artifact;
  const given = job.input['image_artifact'];
  const artifact = made ?? (typeof given === 'string' ? given : '');
  if (!artifact) return null;
  return <img src={artifactUrl(artifact)} alt="" loading="lazy" className="size-9 shrink-0 rounded bg-stone-900 object-cover" />;
}

// The beginning of the result, or else the input.
function summaryOf(job: Job, task: Task): string {
  for (const { kind, value } of job.result?.outputs ?? []) {
    const [label] = kind === 'labels' ? labelsOf(value) : [];
    if (label) return `${label.name} ${percent(label.score)}`;
    if (kind === 'text' && typeof value === 'string') return value;
  }
  return job.failure?.sentence || [resultText(job), inputText(job, task.parameters)].filter(Boolean).join(' · ');
}
