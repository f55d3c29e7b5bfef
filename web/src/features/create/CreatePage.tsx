import { useEffect, useRef, useState } from 'react';

import type { Job } from '../../api/types';
import { readArtifact, readPicture, type SourcePicture } from '../../shared/lib/readPicture';
import { reveal } from '../../shared/lib/reveal';
import { useDrop } from '../../shared/lib/useDrop';
import { useJob } from '../../shared/lib/useJob';
import { useProblem } from '../../shared/lib/useProblem';
import { DropHint } from '../../shared/ui/DropHint';
import type { Picked } from '../../shared/ui/results/PictureResult';
import { Canvas } from './Canvas';
import type { PictureUse } from './Caption';
import { FilmStrip } from './FilmStrip';
import { changed, toJob, withModel, type FormChange, type FormState } from './form';
import { inputOf, usedOf } from './generation';
import { GenerateForm } from './GenerateForm';
import { formOf } from './reuse';
import { loadForm, storePictures, storeValues } from './savedForm';
import { useLive, useMade } from './useJobs';
import { useModels } from './useModels';

const first: Picked = { index: 0, alone: false };

const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

function useForm(): [FormState, React.Dispatch<React.SetStateAction<FormState>>] {
  const [form, setForm] = useState<FormState>(loadForm);
  const { source, mask } = form;
  useEffect(() => storeValues(form), [form]);
  useEffect(() => storePictures({ source, mask }), [source, mask]);
  return [form, setForm];
}

interface Props {
  uses: PictureUse[]; // of finished pictures, by other pages
}

export function CreatePage({ uses }: Props) {
  const { cards, noModel, problem: modelsProblem, refresh } = useModels();
  const followed = useJob();
  const live = useLive(followed);
  const { made, loadOlder } = useMade();
  const [form, setForm] = useForm();
  const [earlier, setEarlier] = useState<Job | null>(null); // a finished job that is shown again
  const [picked, setPicked] = useState<Picked>(first);
  const { text: problem, fail, clear } = useProblem();
  const canvas = useRef<HTMLElement>(null);
  const controls = useRef<HTMLFormElement>(null);
  const reading = useRef(0); // of several pictures that are being read, only the last one is used

  const job = earlier ?? followed.job;
  const change = (changes: FormChange) => setForm((before) => changed(before, changes));

  // The first usable model is selected when the list arrives, and stays selected when the list grows.
  const card = cards.find((each) => each.id === form.model) ?? cards.find((each) => !each.problem) ?? cards[0];
  if (card && card.id !== form.model) change({ model: card.id });

  const show = (next: Job | null, pick: Picked = first) => {
    setEarlier(next);
    setPicked(pick);
  };
  const create = () => {
    if (!card) return;
    const request = toJob(form, card, drawSeed);
    clear();
    show(null);
    change({ chosen: { seed: String(request.input['seed_text']) } });
    followed.start(request);
    reveal(canvas.current);
  };
  const retry = (id: string) => {
    clear();
    show(null);
    followed.retry(id);
  };
  const follow = (next: Job) => {
    show(null);
    if (next.id !== followed.job?.id) followed.follow(next);
    reveal(canvas.current);
  };

  const clearAlerts = () => {
    clear();
    followed.dismiss();
  };
  const takeSource = (picture: Promise<SourcePicture>) => {
    const turn = ++reading.current;
    clearAlerts();
    picture.then(
      (source) => turn === reading.current && change({ source }),
      (error: Error) => turn === reading.current && fail(error),
    );
  };
  const takeFile = (file: File) => takeSource(readPicture(file));
  const removeSource = () => {
    reading.current += 1;
    clearAlerts();
    change({ source: null });
  };
  const startFrom = (artifact: string) => {
    takeSource(readArtifact(artifact, 'a picture made here'));
    reveal(controls.current);
  };

  const reuse = async (from: Job) => {
    const turn = ++reading.current;
    clearAlerts();
    const model = usedOf(from)?.model ?? '';
    const known = cards.find((each) => each.id === model);
    const target = known ?? card;
    if (!target) return;
    let lost = known ? '' : `The model '${model}' has been removed. `;
    const read = (artifact: string | undefined, what: string) =>
      artifact
        ? readArtifact(artifact, 'the same picture').catch(() => {
            lost += `The ${what} has been deleted: choose it again. `;
            return null;
          })
        : null;
    const source = await read(inputOf(from).image_artifact, 'source picture');
    const mask = source && (await read(inputOf(from).mask_artifact, 'mask'));
    if (turn !== reading.current) return;
    setForm(formOf(from, target, { source, mask }));
    if (lost) fail(new Error(lost.trim()));
    reveal(controls.current);
  };

  const hovers = useDrop(takeFile);
  return (
    <main className="flex flex-col md:min-h-0 md:flex-1 md:flex-row">
      <GenerateForm
        ref={controls} form={form} cards={cards} card={card} noModel={noModel} refresh={refresh}
        busy={followed.busy} onChange={change}
        onModel={(id) => setForm((before) => withModel(before, id, card))}
        onSubmit={create} onFile={takeFile} onRemove={removeSource}
      />
      <div className="flex min-w-0 flex-col md:min-h-0 md:flex-1">
        <Canvas
          ref={canvas} job={job} picked={picked} uses={uses}
          problem={problem ?? followed.problem ?? modelsProblem}
          onPick={setPicked} onCancel={followed.cancel} onRetry={retry} onStartFrom={startFrom}
          onReuse={(from) => void reuse(from)}
        />
        <FilmStrip
          live={live} made={made} shown={{ job: job?.id, index: picked.index }} loadOlder={loadOlder}
          onFollow={follow} onCancel={followed.cancel}
          onShow={(picture) => {
            const isFollowed = picture.job.id === followed.job?.id;
            show(isFollowed ? null : picture.job, { index: picture.index, alone: true });
            reveal(canvas.current);
          }}
        />
      </div>
      {hovers && <DropHint text="Drop the picture to start from it" />}
    </main>
  );
}
