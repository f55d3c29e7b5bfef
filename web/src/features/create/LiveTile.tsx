import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { promptOf } from './generation';
import { tileLook } from './tileLook';

interface Props {
  job: Job;
  shown: boolean;
  onFollow: (job: Job) => void;
  onCancel: (id: string) => void;
}

// A job that is queued or running: its preview, its progress and a button that cancels it.
export function LiveTile({ job, shown, onFollow, onCancel }: Props) {
  const percent = Math.round(job.progress.fraction * 100);
  const words = job.state === 'queued' ? 'Waiting' : `${percent} %`;
  const preview = job.progress.preview_artifact;
  return (
    <li className="relative shrink-0">
      <button
        type="button" aria-label={`Look at: ${promptOf(job)}, ${words}`} aria-pressed={shown}
        className={tileLook(shown)} onClick={() => onFollow(job)}
      >
        <span className="relative flex size-full flex-col justify-end bg-stone-900 text-left">
          {preview && (
            <img src={artifactUrl(preview)} alt="" className="preview-pixels absolute inset-0 size-full object-cover" />
          )}
          <span className="relative bg-stone-950/80 px-1.5 py-1 text-xs tabular-nums text-stone-200">
            {words}
            <span className="mt-0.5 block h-1 overflow-hidden rounded-full bg-stone-700">
              <span className="block h-full bg-amber-500" style={{ width: `${percent}%` }} />
            </span>
          </span>
        </span>
      </button>
      <button
        type="button" aria-label={`Cancel: ${promptOf(job)}`} title="Cancel"
        className="absolute top-1 right-1 size-6 rounded-full bg-stone-950/80 text-sm leading-none text-stone-200 hover:bg-red-800"
        onClick={() => onCancel(job.id)}
      >
        ×
      </button>
    </li>
  );
}
