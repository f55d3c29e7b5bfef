import { useState } from 'react';

import { artifactUrl } from '../../../api/client';
import type { Output } from '../../../api/types';
import { Button, linkLook } from '../Button';
import { FileResult } from './FileResult';
import { LabelsResult } from './LabelsResult';
import { PictureResult, type Picked } from './PictureResult';
import { TextResult } from './TextResult';

interface Props {
  outputs: Output[];
  title: string; // what pictures show, for people who do not see them
}

// Everything that a job made, in order. Pictures are shown together, other outputs one below the other.
export function Results({ outputs, title }: Props) {
  const pictures = outputs.filter(({ kind }) => kind === 'picture').map(({ artifact }) => artifact);
  const others = outputs.filter(({ kind }) => kind !== 'picture');
  return (
    <div className="flex flex-col gap-4">
      {pictures.length > 0 && <Pictures key={pictures.join()} artifacts={pictures} title={title} />}
      {others.map((output, index) => (
        <OneResult key={index} output={output} />
      ))}
    </div>
  );
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function OneResult({ output: { kind, artifact, media_type: mediaType, value } }: { output: Output }) {
  if (kind === 'labels') return <LabelsResult value={value} />;
  if (kind !== 'text' && artifact) return <FileResult artifact={artifact} kind={kind} mediaType={mediaType} />;
  return <TextResult text={asText(value ?? '')} />;
}

function Pictures({ artifacts, title }: { artifacts: string[]; title: string }) {
  const [picked, setPicked] = useState<Picked>({ index: 0, alone: false });
  const artifact = artifacts[picked.index];
  return (
    <div>
      <div className="relative aspect-square max-h-[60vh] w-full">
        <PictureResult artifacts={artifacts} title={title} picked={picked} onPick={setPicked} />
      </div>
      {artifact && (
        <div className="mt-3 flex justify-end gap-2">
          {artifacts.length > 1 && picked.alone && (
            <Button onClick={() => setPicked({ ...picked, alone: false })}>Show all {artifacts.length}</Button>
          )}
          <a href={artifactUrl(artifact)} download className={linkLook}>
            Download
          </a>
        </div>
      )}
    </div>
  );
}
