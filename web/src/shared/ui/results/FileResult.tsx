import { artifactUrl } from '../../../api/client';
import { linkLook } from '../Button';

interface Props {
  artifact: string;
  kind: string;
  mediaType: string;
}

// A file that the page cannot show: its type, and a link to it.
export function FileResult({ artifact, kind, mediaType }: Props) {
  return (
    <div className="flex max-w-xl items-center justify-between gap-3 rounded-md border border-stone-800 bg-stone-900 p-4">
      <p className="min-w-0 text-sm break-words">
        {kind || 'file'} <span className="text-stone-400">{mediaType}</span>
      </p>
      <a href={artifactUrl(artifact)} download className={linkLook}>
        Download
      </a>
    </div>
  );
}
