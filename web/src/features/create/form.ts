// The form's rules, without React: what the model's card offers, what a person typed, what is sent.
import type { ModelCard, NewJob, Parameter } from '../../api/types';

export interface FormState {
  prompt: string;
  negativePrompt: string;
  model: string; // id
  values: Record<string, string>; // by parameter name, as typed
  seedLocked: boolean; // false: a new seed for each picture
  source: SourcePicture | null; // start from this picture
}

export interface SourcePicture {
  dataUrl: string;
  name: string;
}

export interface Size {
  width: number;
  height: number;
}

// Drawn by their own controls, or sent by other means.
const ownControls = new Set(['prompt', 'negative_prompt', 'seed', 'width', 'height', 'model']);
const onlyWithPicture = new Set(['strength', 'fit']);
const everyday = new Set(['steps', 'guidance', 'sampler', 'schedule', 'strength']);

export function drawnParameters(card: ModelCard, withPicture: boolean): Parameter[] {
  return card.parameters.filter(
    (parameter) =>
      parameter.kind !== 'size' &&
      !ownControls.has(parameter.name) &&
      (withPicture || !onlyWithPicture.has(parameter.name)),
  );
}

export function splitParameters(parameters: Parameter[]): [Parameter[], Parameter[]] {
  return [
    parameters.filter((parameter) => everyday.has(parameter.name)),
    parameters.filter((parameter) => !everyday.has(parameter.name)),
  ];
}

const roundTo8 = (value: number) => Math.max(64, Math.round(value / 8) * 8);

// Sizes worth a button: the native pixel count in the usual aspect ratios, and twice the native size.
export function sizePresets(card: ModelCard): (Size & { label: string })[] {
  const { native_width: w, native_height: h } = card;
  const area = w * h;
  const ratio = (x: number, y: number): Size => ({
    width: roundTo8(Math.sqrt((area * x) / y)),
    height: roundTo8(Math.sqrt((area * y) / x)),
  });
  return [
    { label: 'Square', width: w, height: h },
    { label: 'Landscape', ...ratio(3, 2) },
    { label: 'Portrait', ...ratio(2, 3) },
    { label: 'Wide', ...ratio(16, 9) },
    { label: 'Double', width: w * 2, height: h * 2 },
  ];
}

export function defaultValues(card: ModelCard): Record<string, string> {
  const values: Record<string, string> = {};
  for (const parameter of card.parameters) values[parameter.name] = parameter.default_value;
  values['width'] = String(card.native_width);
  values['height'] = String(card.native_height);
  values['seed'] = '';
  return values;
}

// Keeps what a person chose when the model changes, as far as the new card knows it.
export function valuesForModel(card: ModelCard, before: Record<string, string>, previous?: ModelCard) {
  const values = defaultValues(card);
  const earlier = previous ? defaultValues(previous) : values;
  for (const [name, value] of Object.entries(before)) {
    if (name in values && value !== earlier[name]) values[name] = value;
  }
  return values;
}

export function formProblem(form: FormState, card: ModelCard | undefined): string | null {
  if (!card) return 'No model is installed yet.';
  if (card.problem) return card.problem;
  if (!form.prompt.trim()) return 'Write what you would like to see.';
  for (const side of ['width', 'height'] as const) {
    const value = Number(form.values[side]);
    if (!Number.isInteger(value) || value % 8 !== 0 || value < 64 || value > 2048) {
      return `The ${side} must be a multiple of 8 between 64 and 2048.`;
    }
  }
  const seed = form.values['seed'] ?? '';
  if (seed && !(/^\d+$/.test(seed) && Number.isSafeInteger(Number(seed)))) {
    return 'The seed must be a whole number up to 9,007,199,254,740,991.';
  }
  return null;
}

function typed(parameter: Parameter, text: string): string | number | boolean {
  if (parameter.kind === 'integer' || parameter.kind === 'number') return Number(text);
  if (parameter.kind === 'boolean') return text === 'true';
  return text;
}

export function toJob(form: FormState, card: ModelCard, drawSeed: () => number): NewJob {
  const input: NewJob['input'] = { prompt: form.prompt, model: card.id, preview_every: 1 };
  if (form.negativePrompt.trim()) input['negative_prompt'] = form.negativePrompt;
  for (const parameter of drawnParameters(card, form.source !== null)) {
    const text = form.values[parameter.name] ?? '';
    if (text !== '' && text !== parameter.default_value) {
      input[parameter.name] = typed(parameter, text);
    }
  }
  input['width'] = Number(form.values['width']);
  input['height'] = Number(form.values['height']);
  const seed = form.values['seed'] ?? '';
  input['seed'] = form.seedLocked && seed ? Number(seed) : drawSeed();
  if (form.source) input['image'] = form.source.dataUrl;
  return { kind: 'generate', priority: 2, input };
}
