import { useRef, useState } from 'react';

import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { Canvas } from './Canvas';
import { FilmStrip } from './FilmStrip';
import { changed, toJob, withModel, type FormChange, type FormState, type SourcePicture } from './form';
import { GenerateForm } from './GenerateForm';
import type { Picked } from './Picture';
import { readPicture, readPictureFromUrl } from './readPicture';
import { formOf } from './reuse';
import { useDrop } from './useDrop';
import { useGenerate } from './useGenerate';
import { useLive, useMade } from './useJobs';
import { useModels } from './useModels';

const emptyForm: FormState = {
  prompt: '', negativePrompt: '', model: '', chosen: {}, seedLocked: false, source: null, carried: {},
};
const first: Picked = { index: 0, alone: false };

const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

// Narrow windows hold the form and the picture one below the other: what a press was about comes into view.
const reveal = (element: HTMLElement | null) => {
  if (window.matchMedia?.('(width < 48rem)').matches) element?.scrollIntoView({ block: 'start' });
};

export function CreatePage() {
  const { cards, noModel, problem: modelsProblem, refresh } = useModels();
  const generation = useGenerate();
  const live = useLive(generation);
  const { made, loadOlder } = useMade();
  const [form, setForm] = useState<FormState>(emptyForm);
  const [earlier, setEarlier] = useState<Job | null>(null); // a picture that is looked at again
  const [picked, setPicked] = useState<Picked>(first);
  const [problem, setProblem] = useState<string | null>(null);
  const canvas = useRef<HTMLElement>(null);
  const controls = useRef<HTMLFormElement>(null);
  const reading = useRef(0); // of several pictures that are read, the last one counts

  const job = earlier ?? generation.job;
  const change = (changes: FormChange) => setForm((before) => changed(before, changes));

  // The first model is taken when the list comes, and stays when the list grows.
  const card = cards.find((each) => each.id === form.model) ?? cards.find((each) => !each.problem) ?? cards[0];
  if (card && card.id !== form.model) change({ model: card.id });

  const create = () => {
    if (!card) return;
    const wish = toJob(form, card, drawSeed);
    setProblem(null);
    setEarlier(null);
    setPicked(first);
    change({ chosen: { seed: String(wish.input['seed_text']) } });
    generation.start(wish);
    reveal(canvas.current);
  };

  const follow = (next: Job) => {
    setEarlier(null);
    setPicked(first);
    if (next.id !== generation.job?.id) generation.follow(next);
    reveal(canvas.current);
  };

  // What was said about an earlier picture goes with it.
  const clearAlerts = () => {
    setProblem(null);
    generation.dismiss();
  };
  const takeSource = (picture: Promise<SourcePicture>) => {
    const turn = ++reading.current;
    clearAlerts();
    picture.then(
      (source) => turn === reading.current && change({ source }),
      (error: Error) => turn === reading.current && setProblem(error.message),
    );
  };
  const takeFile = (file: File) => takeSource(readPicture(file));
  const removeSource = () => {
    reading.current += 1;
    clearAlerts();
    change({ source: null });
  };
  const startFrom = (artifact: string) => {
    takeSource(readPictureFromUrl(artifactUrl(artifact), 'a picture made here'));
    reveal(controls.current);
  };

  const reuse = async (from: Job) => {
    const turn = ++reading.current;
    clearAlerts();
    const known = cards.find((each) => each.id === from.result?.used.model);
    const target = known ?? card;
    if (!target) return;
    let lost = known ? '' : `The model '${from.result?.used.model ?? ''}' is no longer installed. `;
    const read = (artifact: string, what: string) =>
      artifact
        ? readPictureFromUrl(artifactUrl(artifact), 'the same picture').catch(() => {
            lost += `The ${what} is no longer kept: choose it again. `;
            return null;
          })
        : null;
    const source = await read(from.input.image_artifact, 'source picture');
    const mask = source && (await read(from.input.mask_artifact, 'mask'));
    if (turn !== reading.current) return;
    setForm(formOf(from, target, { source, mask }));
    if (lost) setProblem(lost.trim());
    reveal(controls.current);
  };

  const hovers = useDrop(takeFile);
  return (
    <main className="flex flex-col md:min-h-0 md:flex-1 md:flex-row">
      <GenerateForm
        ref={controls} form={form} cards={cards} card={card} noModel={noModel} refresh={refresh}
        busy={generation.busy} onChange={change}
        onModel={(id) => setForm((before) => withModel(before, id, card))}
        onSubmit={create} onFile={takeFile} onRemove={removeSource}
      />
      <div className="flex min-w-0 flex-col md:min-h-0 md:flex-1">
        <Canvas
          ref={canvas} job={job} picked={picked}
          problem={problem ?? generation.problem ?? modelsProblem}
          onPick={setPicked} onCancel={generation.cancel} onStartFrom={startFrom}
          onReuse={(from) => void reuse(from)}
        />
        <FilmStrip
          live={live} made={made} shown={{ job: job?.id, index: picked.index }} loadOlder={loadOlder}
          onFollow={follow} onCancel={generation.cancel}
          onShow={(picture) => {
            setEarlier(picture.job.id === generation.job?.id ? null : picture.job);
            setPicked({ index: picture.index, alone: true });
            reveal(canvas.current);
          }}
        />
      </div>
      {hovers && (
        <div className="pointer-events-none fixed inset-0 z-20 grid place-items-center border-4 border-dashed border-amber-500 bg-stone-950/70 text-lg">
          Drop the picture to start from it
        </div>
      )}
    </main>
  );
}
