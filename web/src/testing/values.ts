// Values for tests: a row, a card, a job, with every member set.
import type { Job, Model, ModelCard, Parameter } from '../api/types';

export const row = (name: string, kind: Parameter['kind'], value = '', more: Partial<Parameter> = {}): Parameter => ({
  name, kind, title: name.charAt(0).toUpperCase() + name.slice(1), help: '', unit: '', needs: '',
  minimum: null, maximum: null, exclusive_minimum: false, step: null, slider_maximum: null, bytes_max: null,
  default_value: value, choices: [], choice_titles: [], list: '', ...more,
});

export const side = (name: 'width' | 'height') =>
  row(name, 'integer', '128', { minimum: 64, maximum: 2048, step: 8 });

export const fit = row('fit', 'choice', 'stretch', { choices: ['stretch', 'cover', 'contain'], needs: 'image' });

export const cardWith = (parameters: Parameter[]): ModelCard => ({
  id: 'small', title: 'Small', family: 'sd15', description: '', format: 'diffusers',
  content_hash: '', source: 'starter', size_bytes: 0, problem: '', memory: { weights_bytes: 0, bytes_per_pixel: 0 },
  capabilities: ['text_to_image', 'image_to_image'], native_width: 128, native_height: 128, warnings: [], rank: 0, parameters,
});

// A model that serves `task` as the card describes.
export const modelOf = ({ parameters, ...card }: ModelCard, task = 'generate'): Model => ({
  ...card, tasks: [{ task, parameters }],
});

export const jobWith = (changes: Partial<Job> = {}): Job => ({
  id: 'j', task: 'generate', state: 'succeeded', client: 'api', priority: 2, attempt: 1, repeat_of: '', warnings: [],
  created_ms: 0, started_ms: 0, finished_ms: 0, reason: '', failure: null, input: {}, result: null,
  progress: { stage: '', step: 0, total: 0, fraction: 1, eta_seconds: 0, steps_per_second: 0, preview_artifact: '', part: '', text: '' },
  ...changes,
});

export const pictures = (artifacts: string[], used: Record<string, unknown> = {}): NonNullable<Job['result']> => ({
  used,
  outputs: artifacts.map((artifact) => ({ kind: 'picture', artifact, media_type: 'image/png', value: null })),
});
