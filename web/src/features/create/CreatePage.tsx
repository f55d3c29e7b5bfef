import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { api, artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { Canvas } from './Canvas';
import { FilmStrip } from './FilmStrip';
import { changed, toJob, withModel, type FormChange, type FormState } from './form';
import { GenerateForm } from './GenerateForm';
import { readPicture, readPictureFromUrl } from './readPicture';
import { useGenerate } from './useGenerate';
import { useModels } from './useModels';

const emptyForm: FormState = {
  prompt: '', negativePrompt: '', model: '', chosen: {}, seedLocked: false, source: null,
};

const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

export function CreatePage() {
  const { cards, noModel, problem: modelsProblem } = useModels();
  const jobs = useQuery({
    queryKey: ['jobs'],
    queryFn: () => api.jobs(60),
    refetchInterval: (query) => (query.state.status === 'success' ? false : 2_000),
  });
  const generation = useGenerate();
  const [form, setForm] = useState<FormState>(emptyForm);
  const [shown, setShown] = useState<Job | null>(null); // an earlier picture, looked at again
  const [problem, setProblem] = useState<string | null>(null);

  const change = (changes: FormChange) => setForm((before) => changed(before, changes));

  // The first model is taken when the list comes, and stays when the list grows.
  const card = cards.find((each) => each.id === form.model) ?? cards.find((each) => !each.problem) ?? cards[0];
  if (card && card.id !== form.model) change({ model: card.id });

  const create = () => {
    if (!card) return;
    const wish = toJob(form, card, drawSeed);
    setProblem(null);
    setShown(null);
    change({ chosen: { seed: String(wish.input['seed']) } });
    generation.start(wish);
  };

  const startFrom = (artifact: string) => {
    readPictureFromUrl(artifactUrl(artifact), 'a picture made here').then(
      (source) => change({ source }),
      (error: Error) => setProblem(error.message),
    );
  };

  const reuse = (job: Job) => {
    const used = job.result?.used;
    if (!used) return;
    const known = cards.find((each) => each.id === used.model) ?? card;
    if (!known) return;
    setForm((before) =>
      changed(withModel(before, known.id, card), {
        prompt: used.prompt,
        negativePrompt: used.negative_prompt,
        chosen: {
          width: String(used.width),
          height: String(used.height),
          steps: String(used.steps),
          guidance: String(used.guidance),
          seed: String(used.seed),
        },
        seedLocked: true,
      }),
    );
  };

  const drop = (event: React.DragEvent) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) readPicture(file).then((source) => change({ source }), (error: Error) => setProblem(error.message));
  };

  return (
    <main
      className="flex min-h-0 flex-1 flex-col md:flex-row"
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      <GenerateForm
        form={form} cards={cards} card={card} noModel={noModel} busy={generation.busy}
        onChange={change} onModel={(id) => setForm((before) => withModel(before, id, card))}
        onSubmit={create} onProblem={setProblem}
      />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Canvas
          job={shown ?? generation.job}
          problem={problem ?? generation.problem ?? modelsProblem}
          onCancel={generation.cancel}
          onStartFrom={startFrom}
          onReuse={reuse}
        />
        <FilmStrip
          jobs={jobs.data ?? []}
          shown={(shown ?? generation.job)?.id}
          onShow={(job) => setShown(job.id === generation.job?.id ? null : job)}
        />
      </div>
    </main>
  );
}
