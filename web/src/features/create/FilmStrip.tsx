import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';

interface Props {
  jobs: Job[];
  shown: string | undefined; // job id
  onShow: (job: Job) => void;
}

// What was made, newest first.
export function FilmStrip({ jobs, shown, onShow }: Props) {
  const made = jobs.filter((job) => job.result && job.result.artifacts.length > 0);
  if (made.length === 0) return null;
  return (
    <ul aria-label="Made so far" className="flex gap-2 overflow-x-auto border-t border-stone-800 px-5 py-3">
      {made.map((job) => (
        <li key={job.id} className="shrink-0">
          <button
            type="button"
            aria-label={`Show: ${job.result?.used.prompt ?? ''}`}
            aria-pressed={job.id === shown}
            className={`block overflow-hidden rounded-md border-2 ${
              job.id === shown ? 'border-amber-500' : 'border-transparent hover:border-stone-600'
            }`}
            onClick={() => onShow(job)}
          >
            <img
              src={artifactUrl(job.result?.artifacts[0] ?? '')}
              alt=""
              loading="lazy"
              className="size-20 bg-stone-900 object-cover"
            />
          </button>
        </li>
      ))}
    </ul>
  );
}
