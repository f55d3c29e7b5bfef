import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { api, artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { Canvas } from './Canvas';
import { FilmStrip } from './FilmStrip';
import { toJob, valuesForModel, type FormState } from './form';
import { GenerateForm } from './GenerateForm';
import { readPicture, readPictureFromUrl } from './readPicture';
import { useGenerate } from './useGenerate';

const emptyForm: FormState = {
  prompt: '', negativePrompt: '', model: '', values: {}, seedLocked: false, source: null,
};

const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

export function CreatePage() {
  const models = useQuery({ queryKey: ['models'], queryFn: api.models, refetchInterval: 15_000 });
  const jobs = useQuery({ queryKey: ['jobs'], queryFn: () => api.jobs(60) });
  const generation = useGenerate();
  const [form, setForm] = useState<FormState>(emptyForm);
  const [shown, setShown] = useState<Job | null>(null); // an earlier picture, looked at again
  const [problem, setProblem] = useState<string | null>(null);

  const cards = (models.data ?? []).filter((card) => card.task === 'generation');
  const card = cards.find((each) => each.id === form.model);
  const change = (changes: Partial<FormState>) => setForm((before) => ({ ...before, ...changes }));

  const chooseModel = (id: string) => {
    const next = cards.find((each) => each.id === id);
    if (next) change({ model: id, values: valuesForModel(next, form.values, card) });
  };
  useEffect(() => {
    const first = cards.find((each) => !each.problem) ?? cards[0];
    if (!card && first) change({ model: first.id, values: valuesForModel(first, form.values) });
  });

  const create = () => {
    if (!card) return;
    const wish = toJob(form, card, drawSeed);
    setProblem(null);
    setShown(null);
    change({ values: { ...form.values, seed: String(wish.input['seed']) } });
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
    const values = valuesForModel(known, {
      ...form.values,
      width: String(used.width),
      height: String(used.height),
      steps: String(used.steps),
      guidance: String(used.guidance),
      seed: String(used.seed),
    });
    setForm((before) => ({
      ...before,
      prompt: used.prompt,
      negativePrompt: used.negative_prompt,
      model: known.id,
      values: { ...values, seed: String(used.seed) },
      seedLocked: true,
    }));
  };

  const drop = (event: React.DragEvent) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) readPicture(file).then((source) => change({ source }), (error: Error) => setProblem(error.message));
  };

  const loadProblem = models.isError ? models.error.message : null;
  return (
    <main
      className="flex min-h-0 flex-1 flex-col md:flex-row"
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      <GenerateForm
        form={form} cards={cards} card={card} busy={generation.busy}
        onChange={change} onModel={chooseModel} onSubmit={create} onProblem={setProblem}
      />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Canvas
          job={shown ?? generation.job}
          problem={problem ?? generation.problem ?? loadProblem}
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
